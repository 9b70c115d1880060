"""A text at a given distance from another one; the score is the share of exact hits, with something for near misses.

The grid distance of two texts s and t of equal length over the letters A and B is the number of places where they
differ, plus the number of neighbours in s that differ, plus those in t: the edges with unequal ends in a grid of two
rows. The candidate defines `find(text, distance)` and returns a text of the same length at that distance. One exists,
since the distance is that of a text which was drawn and thrown away.

An exact hit scores 1, anything else 1/2 - |found - distance| / (6 * length), which lies from 0 to 1/2. The task is the
string grid of E. Zelikman et al., "Self-Taught Optimizer", COLM 2024 (arXiv:2310.02304), without its time limit.
"""

from __future__ import annotations

import math
import random
import reprlib
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

SHORTEST, LONGEST = 10, 40
NUMBER = {"search": 48, "held_out": 96}
SECONDS = {"search": 2.0, "held_out": 8.0}
LETTERS = "AB"


class Instance(NamedTuple):
    """`distance` is that of some text from `text`."""

    name: str
    text: str
    distance: int


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean over the instances, from 0 to 1. Raises `ValueError` for an answer that is no text of that length."""
    instances = load(split, seed)
    answers = program.map("find", [(each.text, each.distance) for each in instances], timeout=SECONDS[split])
    off: dict[str, int] = {}
    scores: dict[str, float] = {}
    for each, answer in zip(instances, answers, strict=True):
        off[each.name] = grid_distance(read(answer, each), each.text) - each.distance
        scores[each.name] = score(off[each.name], len(each.text))
    hits = sum(value == 0 for value in off.values())
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"hits": hits},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(instances, off, hits) if split == "search" else "",
    }


def grid_distance(one: str, other: str) -> int:
    """The number of edges with unequal ends in a grid that has the two texts as rows."""
    across = sum(a != b for a, b in zip(one, other, strict=True))
    return across + sum(a != b for row in (one, other) for a, b in pairwise(row))


def score(off: int, length: int) -> float:
    """Of one answer whose distance is off by so much."""
    return 1.0 if off == 0 else 0.5 - abs(off) / (6 * length)


def read(answer: Any, instance: Instance) -> str:
    """The answer as a text. Raises `ValueError` that says what is wrong with it."""
    length = len(instance.text)
    if not isinstance(answer, str) or len(answer) != length:
        told = f"{len(answer)} letters" if isinstance(answer, str) else shown(answer)
        raise ValueError(f"{instance.name}: find() must return a text of {length} letters, not {told}")
    for place, letter in enumerate(answer):
        if letter not in LETTERS:
            raise ValueError(f"{instance.name}: letter {place} of the answer is {letter!r}; use A and B")
    return answer


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@lru_cache(maxsize=16)
def load(split: str, seed: int) -> list[Instance]:
    """The instances of a split for a seed, the same on every machine."""
    made = []
    for k in range(NUMBER[split]):
        # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
        draw = random.Random(f"string_grid/{split}/{seed}/{k}").random  # noqa: S311 - data, not a secret
        length = SHORTEST + int(draw() * (LONGEST - SHORTEST + 1))
        text, hidden = ("".join(LETTERS[int(2 * draw())] for _ in range(length)) for _ in range(2))
        made.append(Instance(f"text-{k:03d}", text, grid_distance(hidden, text)))
    return made


def describe(instances: list[Instance], off: dict[str, int], hits: int) -> str:
    """What a proposer may want to know of the search instances."""
    mean = sum(map(abs, off.values())) / len(off)
    worst = max(instances, key=lambda each: abs(off[each.name]))
    return (
        f"{hits} of {len(instances)} texts are at the distance asked for; distances are off by {mean:.2f} on average. "
        f"Worst: find({worst.text!r}, {worst.distance}), whose answer is at {worst.distance + off[worst.name]}."
    )
