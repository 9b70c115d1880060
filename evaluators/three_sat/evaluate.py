"""Satisfiable 3-SAT formulas; the score is the share of clauses that an assignment satisfies.

A formula has 40 to 100 variables and 4.2 clauses of three literals for each of them, near where random formulas are
hardest. It is drawn around a hidden assignment, which satisfies all of it, so 1 can be reached in every instance. A
clause with one, two or three literals that are true under it comes with weight q, q² or q³, with q = (√5 - 1) / 2. A
literal is then true as often as false, so the sign that a variable mostly has says nothing about the hidden assignment
(H. Jia et al., "Generating hard satisfiable formulas by hiding solutions deceptively", JAIR 28 (2007)).

The candidate defines `assign(variables, clauses)` and returns a truth value for each variable. A literal is the number
of a variable, from 1 on, negative where it is negated.
"""

from __future__ import annotations

import math
import random
import reprlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

FEWEST, MOST = 40, 100
CLAUSES_PER_VARIABLE = 4.2
Q = (math.sqrt(5.0) - 1.0) / 2.0
NUMBER = {"search": 16, "held_out": 64}
SECONDS = {"search": 2.0, "held_out": 16.0}

Clause = tuple[int, int, int]
Draw = Callable[[], float]


class Instance(NamedTuple):
    """`clauses` can all be satisfied."""

    name: str
    variables: int
    clauses: list[Clause]


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean share of satisfied clauses. Raises `ValueError` for an answer that is no list of truth values."""
    instances = load(split, seed)
    answers = program.map("assign", [(each.variables, each.clauses) for each in instances], timeout=SECONDS[split])
    scores: dict[str, float] = {}
    for each, answer in zip(instances, answers, strict=True):
        scores[each.name] = satisfied(each.clauses, read(answer, each)) / len(each.clauses)
    whole = sum(value == 1.0 for value in scores.values())
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"whole": whole},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(scores, whole) if split == "search" else "",
    }


def satisfied(clauses: list[Clause], values: list[bool]) -> int:
    """How many clauses have a literal that is true."""
    return sum(any(values[abs(literal) - 1] == (literal > 0) for literal in clause) for clause in clauses)


def read(answer: Any, instance: Instance) -> list[bool]:
    """The answer as a list of truth values. Raises `ValueError` that names the first entry that is wrong."""
    if not isinstance(answer, list) or len(answer) != instance.variables:
        told = f"{len(answer)} entries" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"{instance.name}: assign() must return a list of {instance.variables} values, not {told}")
    for place, value in enumerate(answer):
        if type(value) not in (int, bool) or value not in (0, 1):
            raise ValueError(f"{instance.name}: entry {place} is {shown(value)}; use True and False, or 1 and 0")
    return [bool(value) for value in answer]


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@lru_cache(maxsize=16)
def load(split: str, seed: int) -> list[Instance]:
    """The instances of a split for a seed, the same on every machine."""
    made = []
    for k in range(NUMBER[split]):
        # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
        draw = random.Random(f"three_sat/{split}/{seed}/{k}").random  # noqa: S311 - data, not a secret
        variables = between(draw, FEWEST, MOST)
        hidden = [draw() < 0.5 for _ in range(variables)]
        clauses = [clause(draw, hidden) for _ in range(int(CLAUSES_PER_VARIABLE * variables))]
        made.append(Instance(f"formula-{k:03d}", variables, clauses))
    return made


def clause(draw: Draw, hidden: list[bool]) -> Clause:
    """Three literals of different variables, at least one of them true."""
    chosen: list[int] = []
    while len(chosen) < 3:
        number = between(draw, 0, len(hidden) - 1)
        if number not in chosen:
            chosen.append(number)
    while True:
        truths = [draw() < 0.5 for _ in chosen]
        if any(truths) and draw() < Q ** (sum(truths) - 1):
            break
    one, two, three = (
        number + 1 if hidden[number] == truth else -number - 1 for number, truth in zip(chosen, truths, strict=True)
    )
    return one, two, three


def between(draw: Draw, low: int, high: int) -> int:
    """A whole number from low to high, all equally likely."""
    return low + int(draw() * (high - low + 1))


def describe(scores: dict[str, float], whole: int) -> str:
    """What a proposer may want to know of the search instances."""
    worst = min(scores, key=lambda name: scores[name])
    return (
        f"{whole} of {len(scores)} formulas are satisfied; of the worst, {worst}, {scores[worst]:.4f} of the clauses."
    )
