"""Scores a prime sieve in Rust: how many times as fast as the seed it is, measured side by side, if it is right.

Every run has an interval of its own, anywhere in a hundred thousand million numbers: too many to sieve all of them once
and keep what was found, or to know it by heart.
"""

from functools import cache

import numpy as np

from evolve.evaluator import build, compare_times

BUILD = ["cargo", "build", "--release", "--offline", "--quiet", "--manifest-path", "seed/Cargo.toml"]
SALT = {"search": 1, "held_out": 2}
SMALL = {
    "search": [(0, 2), (2, 3), (0, 30), (8, 11), (24, 29), (0, 100_000)],
    "held_out": [(0, 3), (3, 4), (1, 1000), (90, 97), (25, 26), (999, 100_500)],
}
LOWEST, HIGHEST = 10**11, 2 * 10**11
LENGTH = 6_000_000
RUNS = 8  # the first one is not counted

build(BUILD)


def evaluate(program, split="search"):
    """The speed over the seed's; a wrong count or sum is an error."""
    for start, end in SMALL[split]:
        check(program.run(["target/release/sieve"], packed(start, end)), start, end)
    measured = intervals(split)
    times = compare_times(
        program, ["target/release/sieve"], ["seed/target/release/sieve"], [packed(*each) for each in measured]
    )
    for done, (start, end) in zip(times.runs, measured, strict=False):
        check(done, start, end)
    return {
        "score": times.ratio,
        "metrics": {"milliseconds": 1000 * times.seconds, "seed_milliseconds": 1000 * times.reference_seconds},
    }


def intervals(split):
    """Start and end of each run that is measured."""
    starts = np.random.default_rng(SALT[split]).integers(LOWEST, HIGHEST - LENGTH, RUNS)
    return [(int(start), int(start) + LENGTH) for start in starts]


def packed(start, end):
    """What the program reads."""
    return b"%d %d\n" % (start, end)


@cache
def expected(start, end):
    """How many primes are from `start` on and below `end`, and their sum."""
    start = max(start, 2)
    prime = np.ones(max(end - start, 0), bool)
    for number in small_primes(int(end**0.5) + 1):
        prime[max(number * number, -(-start // number) * number) - start :: number] = False
    found = np.flatnonzero(prime) + start
    return f"{len(found)} {int(found.sum())}"


@cache
def small_primes(last):
    """The primes up to `last`."""
    prime = np.ones(last + 1, bool)
    prime[:2] = False
    for number in range(2, int(last**0.5) + 1):
        if prime[number]:
            prime[number * number :: number] = False
    return np.flatnonzero(prime).tolist()


def check(done, start, end):
    """Raises `ValueError` with what is wrong."""
    printed = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise ValueError(f"from {start} to {end} it ended with exit code {done.returncode}")
    if printed != expected(start, end):
        raise ValueError(f"from {start} to {end} it printed {printed[:100]!r} instead of {expected(start, end)!r}")
