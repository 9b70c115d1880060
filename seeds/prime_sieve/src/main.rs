//! Reads a number and prints how many primes are below it, and their sum.
mod sieve;

fn main() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let limit = line.trim().parse().expect("a number");
    let (count, sum) = sieve::primes_below(limit);
    println!("{} {}", count, sum);
}
