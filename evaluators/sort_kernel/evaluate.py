"""Sorting rows of 16 numbers in C++: how many times as fast as the seed a kernel is, if it sorts.

Candidate and seed are whole programs that are started for each measurement, in turn: the candidate in its sandbox, the
seed built and run here, where a candidate cannot reach it. Nothing that a program says of itself counts. Every run has
numbers of its own, so that nothing can be remembered from one to the next, and its rounds depend on one another, so
that none can be left out. What it writes is compared with what numpy makes of the same numbers.

A run takes the processor time of all its threads and processes, which what else the machine does hardly changes. Of
several runs the fastest counts, of either program.
"""

from __future__ import annotations

import resource
import subprocess
from functools import cache
from typing import Any

import numpy as np

BUILD = ["g++", "-O3", "-std=c++17", "-o", "reference", "seed/main.cpp", "seed/kernel.cpp"]
SALT = {"search": 1, "held_out": 2}
WIDTH = 16
ROWS, ROUNDS = 4096, 50
PAIRS = 11
TICK = 1e-4  # seconds; less is not measured

Rows = np.ndarray[Any, np.dtype[np.uint32]]

subprocess.run(BUILD, check=True)


def evaluate(program: Any, split: str = "search") -> dict[str, Any]:
    """The seed's fastest run over the program's. Raises `ValueError` with a row that is not sorted."""
    check_one_round(program, split)
    own: list[float] = []
    seeds: list[float] = []
    for number in range(PAIRS):
        rows = made(split, number)
        data = packed(rows, ROUNDS)
        seeds.append(reference(data))
        done = program.run(["./sort"], data)
        if done.returncode:
            raise ValueError(f"it ended with exit code {done.returncode}")
        if done.stdout != expected(split, number):
            raise ValueError(
                f"after {ROUNDS} rounds of {ROWS} rows the result is wrong, although the first round is right"
            )
        own.append(max(done.cpu_seconds, TICK))
    return {
        "score": min(seeds) / min(own),
        "metrics": {"milliseconds": 1000 * min(own), "seed_milliseconds": 1000 * min(seeds)},
        "measures": {"length": len(program.read("kernel.cpp"))},
    }


def check_one_round(program: Any, split: str) -> None:
    """Raises `ValueError` with a row that is not sorted, what came of it and what it should be."""
    rows = made(split, PAIRS)
    done = program.run(["./sort"], packed(rows, 1))
    if done.returncode:
        raise ValueError(f"it ended with exit code {done.returncode}")
    if len(done.stdout) != rows.nbytes:
        raise ValueError(f"it wrote {len(done.stdout)} bytes instead of {rows.nbytes}")
    found, right = np.frombuffer(done.stdout, "<u4").reshape(rows.shape), np.sort(rows, axis=1)
    wrong = np.flatnonzero((found != right).any(axis=1))
    if len(wrong):
        row = wrong[0]
        raise ValueError(
            f"{len(wrong)} of {len(rows)} rows are not sorted; {rows[row].tolist()} became {found[row].tolist()}"
        )


def made(split: str, number: int) -> Rows:
    """The rows of a run, shape (ROWS, WIDTH): most of them any numbers, the first ones with ties, in order, extreme."""
    rng = np.random.default_rng((SALT[split], number))
    rows: Rows = rng.integers(0, 2**32, (ROWS, WIDTH), dtype=np.uint32)
    rows[0:32] %= 2
    rows[32:64] %= 5
    rows[64:72].sort(axis=1)
    rows[72:80] = np.sort(rows[72:80], axis=1)[:, ::-1]
    rows[80:84] = rows[80:84, :1]
    rows[84:92] = np.where(rows[84:92] % 2, 0, 2**32 - 1)
    return rows


def packed(rows: Rows, rounds: int) -> bytes:
    """What the program reads."""
    return np.array([len(rows), rounds], "<u4").tobytes() + rows.astype("<u4").tobytes()


@cache
def expected(split: str, number: int) -> bytes:
    """What the program must write after `ROUNDS` rounds."""
    rows = np.sort(made(split, number), axis=1)
    places = np.arange(WIDTH, dtype=np.uint32)
    for turn in range(1, ROUNDS):
        mixed = (rows ^ (rows >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        rows = np.sort(mixed + (places + np.uint32(turn)) * np.uint32(0x9E3779B9), axis=1)
    return rows.astype("<u4").tobytes()


def reference(data: bytes) -> float:
    """The seconds of processor time that the seed takes. Raises `RuntimeError` when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["./reference"], input=data, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"the seed ended with exit code {done.returncode}")
    return max(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, TICK)
