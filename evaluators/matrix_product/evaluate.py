"""Scores a matrix product in C++: how many times as fast as the seed it is, measured side by side, if it is right.

Both are programs that are started for each measurement. The candidate runs in its sandbox, where no time can be hidden;
the seed is built and runs here, out of the candidate's reach. Every run has matrices of its own, so that nothing can be
remembered from one to the next, and its rounds depend on one another, so that none can be left out.
"""

from functools import cache

import numpy as np

from evolve.evaluator import build, compare_times

BUILD = ["g++", "-O3", "-std=c++17", "-o", "reference", "seed/main.cpp", "seed/kernel.cpp"]
SALT = {"search": 1, "held_out": 2}
SIZES = {"search": (1, 7, 64), "held_out": (2, 9, 63)}
MEASURED = {"search": 200, "held_out": 210}  # the sums of up to 257 products of numbers below 256 are exact
ROUNDS = 8
RUNS = 8  # the first one is not counted

build(BUILD)


def evaluate(program, split="search"):
    """The speed over the seed's; wrong products are an error that says where."""
    for n in SIZES[split]:
        a, b = np.random.default_rng((SALT[split], n)).normal(size=(2, n, n)).astype(np.float32)
        check(program.run(["./multiply"], packed(a, b, 1)), a @ b)
    n = MEASURED[split]
    inputs = [packed(*made(split, number), ROUNDS) for number in range(RUNS)]
    times = compare_times(program, ["./multiply"], ["./reference"], inputs)
    for number, done in enumerate(times.runs):
        check(done, expected(split, number))
    return {
        "score": times.ratio,
        "metrics": {"milliseconds": 1000 * times.seconds, "seed_milliseconds": 1000 * times.reference_seconds},
        "measures": {"length": len(program.read("kernel.cpp"))},
    }


def made(split, number):
    """The two matrices of a run that is measured: whole numbers below 256."""
    n = MEASURED[split]
    return np.random.default_rng((SALT[split], 1000 + number)).integers(0, 256, (2, n, n)).astype(np.float32)


def packed(a, b, rounds):
    """What the program reads."""
    return np.array([len(a), rounds], np.int32).tobytes() + a.tobytes() + b.tobytes()


@cache
def expected(split, number):
    """The last product of a run that is measured."""
    a, b = made(split, number)
    places = np.arange(a.size).reshape(a.shape)
    for turn in range(1, ROUNDS):
        a, b = ((a @ b).astype(int) + places + turn & 255).astype(np.float32), a
    return a @ b


def check(done, expected):
    """Raises `ValueError` with the first entry that is wrong by more than what the order of its sum explains."""
    n = len(expected)
    if done.returncode:
        raise ValueError(f"with n = {n} it ended with exit code {done.returncode}")
    if len(done.stdout) != expected.nbytes:
        raise ValueError(f"with n = {n} it wrote {len(done.stdout)} bytes instead of {expected.nbytes}")
    found = np.frombuffer(done.stdout, np.float32).reshape(n, n)
    if wrong := [*zip(*np.nonzero(~np.isclose(found, expected, rtol=1e-5, atol=1e-4)), strict=True)]:
        i, j = map(int, wrong[0])
        raise ValueError(f"with n = {n}, c[{i}][{j}] is {found[i, j]:g} instead of {expected[i, j]:g}")
