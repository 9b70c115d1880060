"""Scores a prime sieve in Rust: how many times as fast as the seed it is, measured side by side, if it is right."""

import subprocess

import numpy as np

from evolve.evaluator import compare_times

BUILD = ["cargo", "build", "--release", "--offline", "--quiet", "--manifest-path", "seed/Cargo.toml"]
LIMITS = {"search": (2, 3, 30, 9_000_000), "held_out": (4, 5, 1000, 8_765_432)}  # the last one is measured
ROUNDS = 7

subprocess.run(BUILD, check=True)


def primes_below(limit):
    """How many primes are below `limit`, and their sum."""
    prime = np.ones(limit, bool)
    prime[:2] = False
    for number in range(2, int(limit**0.5) + 1):
        if prime[number]:
            prime[number * number :: number] = False
    found = np.flatnonzero(prime)
    return len(found), int(found.sum())


EXPECTED = {limit: "{} {}".format(*primes_below(limit)) for limits in LIMITS.values() for limit in limits}


def evaluate(program, split="search"):
    """The speed over the seed's; a wrong count or sum is an error."""
    *small, large = LIMITS[split]
    for limit in small:
        check(program.run(["target/release/sieve"], b"%d\n" % limit), limit)
    times = compare_times(
        program, ["target/release/sieve"], ["seed/target/release/sieve"], input=b"%d\n" % large, rounds=ROUNDS
    )
    for done in times.runs:
        check(done, large)
    return {
        "score": times.ratio,
        "metrics": {"milliseconds": 1000 * times.seconds, "seed_milliseconds": 1000 * times.reference_seconds},
    }


def check(done, limit):
    """Raises `ValueError` with what is wrong."""
    printed = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise ValueError(f"for {limit} it ended with exit code {done.returncode}")
    if printed != EXPECTED[limit]:
        raise ValueError(f"for {limit} it printed {printed[:100]!r} instead of {EXPECTED[limit]!r}")
