//! Reads two numbers and prints how many primes are from the first one on and below the second, and their sum.
mod sieve;

fn main() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
    let (start, end) = (numbers.next().expect("a start"), numbers.next().expect("an end"));
    let (count, sum) = sieve::primes_between(start, end);
    println!("{} {}", count, sum);
}
