//! A segmented sieve of Eratosthenes.

// EVOLVE-BLOCK-START
/// Numbers that are sieved at a time.
const SEGMENT: usize = 10_000;

/// How many primes are from `start` on and below `end`, and their sum.
pub fn primes_between(start: usize, end: usize) -> (u64, u64) {
    let root = (end as f64).sqrt() as usize + 1;
    let small = plain_sieve(root + 1);
    let (mut count, mut sum) = (0u64, 0u64);
    let mut from = start.max(2);
    while from < end {
        let to = (from + SEGMENT).min(end);
        let mut composite = vec![false; to - from];
        for &prime in &small {
            if prime * prime >= to {
                break;
            }
            let mut multiple = (prime * prime).max((from + prime - 1) / prime * prime);
            while multiple < to {
                composite[multiple - from] = true;
                multiple += prime;
            }
        }
        for (offset, &crossed) in composite.iter().enumerate() {
            if !crossed {
                count += 1;
                sum += (from + offset) as u64;
            }
        }
        from = to;
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
