"""Scheduling of transactions that lock what they read and write; the score is the makespan over a lower bound.

An instance is 100 transactions. Each is a list of operations ("r" or "w", key), one tick of time each, no key twice.
Under strict two-phase locking a transaction holds the lock of a key from the tick of its operation on it until it ends.
Read locks share; a write lock shares with nothing. There are as many workers as transactions, so conflicts alone cost
time.

The candidate defines `schedule(transactions)` and returns an order, a permutation of their numbers. The evaluator runs
the transactions in that order: each starts at the first tick at which none of its operations comes before the end of an
earlier transaction whose lock on that key is in conflict with it. Once started it never waits. The makespan is the tick
at which the last one ends, computed here from the order alone. This is the cost model of A. Cheng et al., "Towards
Optimal Transaction Scheduling", PVLDB 17 (2024), in its simplest form.

The bound of an instance is the largest of: the longest transaction; and for each key the locks that cannot overlap,
those of its writers and the longest of its readers, after the earliest tick at which any of them can begin.
"""

from __future__ import annotations

import math
import random
import reprlib
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

TRANSACTIONS = 100
SECONDS = {"search": 5.0, "held_out": 60.0}
NUMBER = {"search": 8, "held_out": 100}

Operation = tuple[str, int]
Transaction = list[Operation]
Draw = Callable[[], float]


class Instance(NamedTuple):
    """`bound` is at most the makespan of any order."""

    name: str
    transactions: list[Transaction]
    bound: int


def evaluate(program: Any, split: str = "search") -> dict[str, Any]:
    """The mean of makespan / bound, lower is better. Raises `ValueError` for an answer that is no permutation."""
    instances = load(split)
    answers = program.map("schedule", [(each.transactions,) for each in instances], timeout=SECONDS[split])
    ratios: dict[str, float] = {}
    ticks: list[int] = []
    for instance, answer in zip(instances, answers, strict=True):
        order = permutation(answer, len(instance.transactions), instance.name)
        ticks.append(max(ends(instance.transactions, order)))
        ratios[instance.name] = ticks[-1] / instance.bound
    return {
        "score": math.fsum(ratios.values()) / len(ratios),
        "metrics": {"ticks": sum(ticks)} | {kind: round(mean(ratios, kind), 6) for kind in KINDS},
        "instances": {name: round(value, 6) for name, value in ratios.items()},
        "feedback": describe(instances, ticks) if split == "search" else "",
    }


def ends(transactions: list[Transaction], order: list[int]) -> list[int]:
    """The tick at which each transaction ends, in the order given."""
    written: dict[int, int] = {}  # when the last writer of a key so far ends
    touched: dict[int, int] = {}  # when the last of its readers and writers so far ends
    found = []
    for number in order:
        operations = transactions[number]
        start = 0
        for tick, (kind, key) in enumerate(operations):
            free = written.get(key, 0) if kind == "r" else touched.get(key, 0)
            start = max(start, free - tick)
        end = start + len(operations)
        for kind, key in operations:
            if kind == "w":
                written[key] = end
            touched[key] = max(touched.get(key, 0), end)
        found.append(end)
    return found


def bound(transactions: list[Transaction]) -> int:
    """A number of ticks that no order can go below."""
    writing: dict[int, int] = {}
    reading: dict[int, int] = {}
    first: dict[int, int] = {}
    for operations in transactions:
        for tick, (kind, key) in enumerate(operations):
            held = len(operations) - tick
            if kind == "w":
                writing[key] = writing.get(key, 0) + held
            else:
                reading[key] = max(reading.get(key, 0), held)
            first[key] = min(first.get(key, tick), tick)
    longest = max(len(operations) for operations in transactions)
    return max(longest, *(first[key] + writing.get(key, 0) + reading.get(key, 0) for key in first))


def permutation(answer: Any, length: int, name: str) -> list[int]:
    """The answer as a list of numbers. Raises `ValueError` that names the first that is wrong."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "iu" and answer.ndim == 1:
        answer = answer.tolist()
    if not isinstance(answer, list) or len(answer) != length:
        told = f"{len(answer)} entries" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"{name}: schedule() must return a list of {length} numbers, not {told}")
    seen: set[int] = set()
    for place, number in enumerate(answer):
        if type(number) is not int or not 0 <= number < length:
            raise ValueError(f"{name}: entry {place} is {shown(number)}; use the ints from 0 to {length - 1}")
        if number in seen:
            raise ValueError(f"{name}: transaction {number} is in the order twice, at entry {place} again")
        seen.add(number)
    return answer


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@cache
def load(split: str) -> list[Instance]:
    """The instances of a split, the same on every machine: equally many of each kind."""
    made = []
    for k in range(NUMBER[split]):
        for kind, (make, salt) in KINDS.items():
            # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
            draw = random.Random(f"{split}/{salt}/{k}").random  # noqa: S311 - data, not a secret
            transactions = [make(draw) for _ in range(TRANSACTIONS)]
            made.append(Instance(f"{kind}-{k:03d}", transactions, bound(transactions)))
    return made


def between(draw: Draw, low: int, high: int) -> int:
    """A whole number from low to high, all equally likely."""
    return low + int(draw() * (high - low + 1))


def skewed(draw: Draw, keys: int, skew: float) -> int:
    """A key from 0 to keys - 1, the more likely the smaller; with skew 1 all are alike."""
    return int(keys * draw() ** skew)


def records(draw: Draw) -> Transaction:
    """3 to 12 records out of 300, some of them popular, each read or, with a chance of 3 in 10, written."""
    operations: Transaction = []
    for _ in range(between(draw, 3, 12)):
        key = skewed(draw, 300, 2.5)
        kind = "w" if draw() < 0.3 else "r"
        if all(key != other for _, other in operations):
            operations.append((kind, key))
    return operations


def orders(draw: Draw) -> Transaction:
    """A shop with 4 houses of 5 desks: an order writes its desk and 3 to 9 goods, a payment three records.

    Keys: houses from 0, desks from 10, customers from 100, goods from 1000.
    """
    house = between(draw, 0, 3)
    desk = 10 + 5 * house + between(draw, 0, 4)
    customer = 100 + 50 * house + between(draw, 0, 49)
    if draw() < 0.45:
        return [("w", customer), ("w", desk), ("w", house)]
    goods = sorted({1000 + 100 * house + skewed(draw, 100, 2.0) for _ in range(between(draw, 3, 9))})
    return [("r", house), ("r", customer), *(("w", good) for good in goods[:-1]), ("w", desk), ("w", goods[-1])]


def accounts(draw: Draw) -> Transaction:
    """A bank with 40 accounts: transfers between two of them after some reading, and now and then a sum over ten."""
    if draw() < 0.1:
        first = between(draw, 0, 30)
        return [("r", key) for key in range(first, first + 10)]
    source = skewed(draw, 40, 1.5)
    target = (source + 1 + between(draw, 0, 38)) % 40
    looked_up: Transaction = [
        ("r", key) for key in sorted({100 + between(draw, 0, 99) for _ in range(between(draw, 0, 6))})
    ]
    later: Transaction = [("w", target)]
    if draw() < 0.5:
        return [("w", source), *looked_up, *later]
    return [*looked_up, ("w", source), *later]


KINDS = {"records": (records, 1), "orders": (orders, 2), "accounts": (accounts, 3)}


def mean(ratios: dict[str, float], kind: str) -> float:
    """The mean over the instances of a kind."""
    values = [value for name, value in ratios.items() if name.startswith(kind)]
    return math.fsum(values) / len(values)


def describe(instances: list[Instance], ticks: list[int]) -> str:
    """What a proposer may want to know of the search instances."""
    told = []
    for kind in KINDS:
        chosen = [(made, each.bound) for each, made in zip(instances, ticks, strict=True) if each.name.startswith(kind)]
        total, least = (sum(column) for column in zip(*chosen, strict=True))
        told.append(f"{kind}: {total / len(chosen):.1f} ticks on average, the bound is {least / len(chosen):.1f}")
    return f"{'; '.join(told)}."
