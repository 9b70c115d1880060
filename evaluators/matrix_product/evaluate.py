"""Scores a matrix product in C++: how many times as fast as the seed it is, measured side by side, if it is right.

Both are programs that are started for each measurement. The candidate runs in its sandbox, where no time
can be hidden; the seed is built and runs here, out of the candidate's reach.
"""

import subprocess

import numpy as np

from evolve.evaluator import compare_times

BUILD = ["g++", "-O3", "-std=c++17", "-o", "reference", "seed/main.cpp", "seed/kernel.cpp"]
SIZES = {"search": (1, 7, 64, 200), "held_out": (2, 9, 63, 210)}  # the last one is measured
OFTEN = 8
ROUNDS = 7

subprocess.run(BUILD, check=True)


def evaluate(program, split="search"):
    """The speed over the seed's; wrong products are an error that says where."""
    rng = np.random.default_rng(len(split))
    for n in SIZES[split]:
        # small whole numbers, so that the sums are exact in whatever order they are made
        a, b = rng.integers(0, 16, (2, n, n)).astype(np.float32)
        often = OFTEN if n == SIZES[split][-1] else 1
        data = np.array([n, often], np.int32).tobytes() + a.tobytes() + b.tobytes()
        if n != SIZES[split][-1]:
            check(program.run(["./multiply"], data), a @ b)
    times = compare_times(program, ["./multiply"], ["./reference"], input=data, rounds=ROUNDS)
    for done in times.runs:
        check(done, a @ b)
    return {
        "score": times.ratio,
        "metrics": {"milliseconds": 1000 * times.seconds, "seed_milliseconds": 1000 * times.reference_seconds},
        "measures": {"length": len(program.read("kernel.cpp"))},
    }


def check(done, expected):
    """Raises `ValueError` with the first entry that is wrong."""
    n = len(expected)
    if done.returncode:
        raise ValueError(f"with n = {n} it ended with exit code {done.returncode}")
    if len(done.stdout) != expected.nbytes:
        raise ValueError(f"with n = {n} it wrote {len(done.stdout)} bytes instead of {expected.nbytes}")
    found = np.frombuffer(done.stdout, np.float32).reshape(n, n)
    if wrong := [*zip(*np.nonzero(found != expected), strict=True)]:
        i, j = map(int, wrong[0])
        raise ValueError(f"with n = {n}, c[{i}][{j}] is {found[i, j]:g} instead of {expected[i, j]:g}")
