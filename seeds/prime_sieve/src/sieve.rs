//! A segmented sieve of Eratosthenes.

// EVOLVE-BLOCK-START
/// Numbers that are sieved at a time.
const SEGMENT: usize = 500;

/// How many primes are below `limit`, and their sum.
pub fn primes_below(limit: usize) -> (u64, u64) {
    let root = (limit as f64).sqrt() as usize + 1;
    let small = plain_sieve(root + 1);
    let (mut count, mut sum) = (0u64, 0u64);
    let mut start = 2;
    while start < limit {
        let end = (start + SEGMENT).min(limit);
        let mut composite = vec![false; end - start];
        for &prime in &small {
            if prime * prime >= end {
                break;
            }
            let mut multiple = (prime * prime).max((start + prime - 1) / prime * prime);
            while multiple < end {
                composite[multiple - start] = true;
                multiple += prime;
            }
        }
        for (offset, &crossed) in composite.iter().enumerate() {
            if !crossed {
                count += 1;
                sum += (start + offset) as u64;
            }
        }
        start = end;
    }
    (count, sum)
}

fn plain_sieve(limit: usize) -> Vec<usize> {
    let mut composite = vec![false; limit];
    let mut found = Vec::new();
    for number in 2..limit {
        if !composite[number] {
            found.push(number);
            let mut multiple = number * number;
            while multiple < limit {
                composite[multiple] = true;
                multiple += number;
            }
        }
    }
    found
}
// EVOLVE-BLOCK-END
