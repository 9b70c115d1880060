"""Learning parity with noise; the score is the share of queries that are answered right.

In an instance a hidden subset of the bits decides: the label of a sample is the parity of those of its bits that are in
the subset, and one label in twenty is turned round. The candidate defines `predict(bits, samples, labels, queries)`; a
sample is a whole number, whose `bits` lowest bits are what it is made of, and a label 0 or 1. It returns the label of
each query, which has no noise. Instances have from 4 to 24 bits, so trying all subsets is enough for the short ones and
takes too long for the long ones. With 160 samples no other subset fits as well, but for a chance below one in a
thousand, so that 1 can be reached. Guessing has 1/2.
"""

from __future__ import annotations

import math
import random
import reprlib
from functools import lru_cache
from typing import Any, NamedTuple

SIZES = range(4, 25)
SAMPLES, QUERIES = 160, 40
NOISE = 0.05
ROUNDS = {"search": 1, "held_out": 3}
SECONDS = {"search": 1.0, "held_out": 6.0}


class Instance(NamedTuple):
    """`truth` are the labels of the queries."""

    name: str
    bits: int
    samples: list[int]
    labels: list[int]
    queries: list[int]
    truth: list[int]


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean share of right labels. Raises `ValueError` for an answer that is no list of labels."""
    instances = load(split, seed)
    asked = [(each.bits, each.samples, each.labels, each.queries) for each in instances]
    answers = program.map("predict", asked, timeout=SECONDS[split])
    scores: dict[str, float] = {}
    for each, answer in zip(instances, answers, strict=True):
        right = sum(label == truth for label, truth in zip(read(answer, each), each.truth, strict=True))
        scores[each.name] = right / len(each.truth)
    learned = sum(value == 1.0 for value in scores.values())
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"learned": learned},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(scores, learned) if split == "search" else "",
    }


def read(answer: Any, instance: Instance) -> list[int]:
    """The answer as a list of labels. Raises `ValueError` that names the first entry that is wrong."""
    length = len(instance.queries)
    if not isinstance(answer, list) or len(answer) != length:
        told = f"{len(answer)} entries" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"{instance.name}: predict() must return a list of {length} labels, not {told}")
    for place, label in enumerate(answer):
        if type(label) not in (int, bool) or label not in (0, 1):
            raise ValueError(f"{instance.name}: entry {place} is {shown(label)}; a label is 0 or 1")
    return [int(label) for label in answer]


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@lru_cache(maxsize=16)
def load(split: str, seed: int) -> list[Instance]:
    """The instances of a split for a seed, the same on every machine: so many of each number of bits."""
    made = []
    for bits in SIZES:
        for k in range(ROUNDS[split]):
            # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
            draw = random.Random(f"parity/{split}/{seed}/{bits}/{k}").random  # noqa: S311 - data, not a secret
            hidden = 1 + int(draw() * (2**bits - 1))
            samples, queries = ([int(draw() * 2**bits) for _ in range(n)] for n in (SAMPLES, QUERIES))
            labels = [parity(sample & hidden) ^ (draw() < NOISE) for sample in samples]
            truth = [parity(query & hidden) for query in queries]
            made.append(Instance(f"bits-{bits:02d}-{k}", bits, samples, labels, queries, truth))
    return made


def parity(number: int) -> int:
    """1 if an odd number of its bits are set, else 0."""
    return number.bit_count() & 1


def describe(scores: dict[str, float], learned: int) -> str:
    """What a proposer may want to know of the search instances."""
    missed = [name for name, value in scores.items() if value < 1.0]
    told = f"; the first that is not: {missed[0]}, {scores[missed[0]]:.3f} right" if missed else ""
    return f"{learned} of {len(scores)} parities are learned{told}."
