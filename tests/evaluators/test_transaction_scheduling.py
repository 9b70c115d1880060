"""The transaction scheduling task against its definition, pair by pair, and against answers that are no permutation."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, ProgramError, load_evaluator

task = load_evaluator(bundled("evaluators") / "transaction_scheduling" / "evaluate.py")
SEED = bundled("seeds") / "transaction_scheduling"

Transactions = list[list[tuple[str, int]]]


def by_definition(transactions: Transactions, order: list[int]) -> list[int]:
    """When each transaction of the order ends: every two are compared, operation by operation."""
    starts: dict[int, int] = {}
    for place, number in enumerate(order):
        start = 0
        for earlier in order[:place]:
            end = starts[earlier] + len(transactions[earlier])
            for tick, (kind, key) in enumerate(transactions[number]):
                if any(key == other and "w" in (kind, held) for held, other in transactions[earlier]):
                    start = max(start, end - tick)
        starts[number] = start
    return [starts[number] + len(transactions[number]) for number in order]


def locks(transactions: Transactions, order: list[int]) -> dict[int, list[tuple[int, int, str]]]:
    """For each key the locks of it, as (from, to, kind)."""
    found: dict[int, list[tuple[int, int, str]]] = {}
    for number, end in zip(order, task.ends(transactions, order), strict=True):
        for tick, (kind, key) in enumerate(transactions[number]):
            found.setdefault(key, []).append((end - len(transactions[number]) + tick, end, kind))
    return found


operations = st.dictionaries(st.integers(0, 5), st.sampled_from("rw"), min_size=1, max_size=5).map(
    lambda kinds: [(kind, key) for key, kind in kinds.items()]
)
workloads = st.lists(operations, min_size=1, max_size=6)


@given(workloads, st.randoms(use_true_random=False))
def test_transactions_end_when_the_definition_says(transactions: Transactions, draw: random.Random) -> None:
    """In any order; and locks that are in conflict never overlap."""
    order = list(range(len(transactions)))
    draw.shuffle(order)
    assert task.ends(transactions, order) == by_definition(transactions, order)
    for held in locks(transactions, order).values():
        for (start, end, kind), (other_start, other_end, other) in itertools.combinations(held, 2):
            assert "w" not in (kind, other) or end <= other_start or other_end <= start


@given(st.lists(operations, min_size=1, max_size=5))
def test_no_order_is_below_the_bound(transactions: Transactions) -> None:
    """All orders of a few transactions."""
    least = min(max(task.ends(transactions, list(order))) for order in itertools.permutations(range(len(transactions))))
    assert task.bound(transactions) <= least


def test_small_workloads_that_one_schedules_by_hand() -> None:
    """Readers run together, writers of a key that comes last overlap until then, and a writer waits for readers."""
    readers: Transactions = [[("r", 1), ("r", 2)]] * 3
    assert task.ends(readers, [0, 1, 2]) == [2, 2, 2]
    last: Transactions = [[("r", 1), ("r", 2), ("w", 9)]] * 3
    assert task.ends(last, [2, 0, 1]) == [3, 4, 5]
    assert task.bound(last) == 5
    first: Transactions = [[("w", 9), ("r", 1), ("r", 2)]] * 3
    assert task.ends(first, [0, 1, 2]) == [3, 6, 9]
    assert task.bound(first) == 9
    mixed: Transactions = [[("r", 1), ("r", 2), ("r", 3)], [("w", 2)], [("r", 2)]]
    assert task.ends(mixed, [0, 1, 2]) == [3, 4, 5]
    assert task.ends(mixed, [0, 2, 1]) == [3, 1, 4]
    assert task.bound(mixed) == 3
    assert task.ends(mixed, [1, 0, 2]) == [1, 3, 2]


def test_the_instances_are_what_the_task_says() -> None:
    """100 transactions without a key twice, three kinds alike, the held-out ones others; some of everything."""
    search, held_out = task.load("search"), task.load("held_out")
    for split, number in ((search, 8), (held_out, 100)):
        assert Counter(each.name.split("-")[0] for each in split) == dict.fromkeys(task.KINDS, number)
        assert len({each.name for each in split}) == len(split)
        for each in split:
            assert len(each.transactions) == 100
            assert each.bound == task.bound(each.transactions)
            for transaction in each.transactions:
                assert 1 <= len(transaction) <= 12
                assert len({key for _, key in transaction}) == len(transaction)
                assert {kind for kind, _ in transaction} <= {"r", "w"}
    texts = [{str(each.transactions) for each in split} for split in (search, held_out)]
    assert [len(each) for each in texts] == [24, 300]
    assert not texts[0] & texts[1]


def test_the_instances_never_change() -> None:
    """The first transactions and the sums of the bounds: a changed generator would silently change every score."""
    search = {each.name: each for each in task.load("search")}
    assert [search[f"{kind}-000"].transactions[0] for kind in task.KINDS] == [
        [
            ("w", 295),
            ("w", 0),
            ("r", 81),
            ("r", 7),
            ("r", 99),
            ("r", 275),
            ("r", 1),
            ("r", 75),
            ("r", 22),
            ("r", 2),
            ("r", 176),
        ],
        [("w", 108), ("w", 13), ("w", 0)],
        [("r", 174), ("w", 0), ("w", 21)],
    ]
    assert [sum(each.bound for each in task.load(split)) for split in ("search", "held_out")] == [1502, 19383]


def test_the_score_is_recomputed_from_the_order_alone() -> None:
    """The mean over the instances of the definition's makespan over the bound."""
    result = task.evaluate(FakeProgram({"schedule": lambda transactions: range_of(transactions)[::-1]}))
    backwards = list(range(100))[::-1]
    expected = [max(by_definition(each.transactions, backwards)) / each.bound for each in task.load("search")[:3]]
    assert list(result["instances"].values())[:3] == [round(value, 6) for value in expected]
    assert math.isclose(sum(result["instances"].values()) / 24, result["score"], abs_tol=1e-6)
    assert result["feedback"].startswith("records: ")
    assert set(result["metrics"]) == {"ticks", "records", "orders", "accounts"}


def range_of(transactions: Transactions) -> list[int]:
    return list(range(len(transactions)))


def test_the_seed_is_about_the_order_of_arrival() -> None:
    """And a better order is known to be worth something: longest first."""
    seed = task.evaluate(FakeProgram.load(SEED))["score"]
    arrival = task.evaluate(FakeProgram({"schedule": range_of}))["score"]
    longest = task.evaluate(
        FakeProgram({"schedule": lambda some: sorted(range_of(some), key=lambda number: -len(some[number]))})
    )["score"]
    assert abs(seed - arrival) < 0.05
    assert longest < 0.8 * arrival


def test_the_held_out_split_says_nothing_to_a_proposer() -> None:
    """300 instances, no feedback."""
    result = task.evaluate(FakeProgram({"schedule": range_of}), "held_out")
    assert len(result["instances"]) == 300
    assert result["feedback"] == ""


def test_arrays_are_permutations_too() -> None:
    """Of whole numbers."""
    expected = task.evaluate(FakeProgram({"schedule": range_of}))
    assert task.evaluate(FakeProgram({"schedule": lambda some: np.arange(len(some))})) == expected
    assert (
        task.evaluate(FakeProgram({"schedule": lambda some: tuple(np.int32(k) for k in range(len(some)))})) == expected
    )


def swapped(place: int, value: Any) -> list[Any]:
    order: list[Any] = list(range(100))
    order[place] = value
    return order


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "must return a list of 100 numbers, not None"),
        (list(range(99)), "not 99 entries"),
        (list(range(101)), "not 101 entries"),
        ([], "not 0 entries"),
        ("0" * 100, "must return a list of 100 numbers"),
        ({k: k for k in map(str, range(100))}, "must return a list of 100 numbers"),
        (swapped(7, 6), "transaction 6 is in the order twice, at entry 7 again"),
        (swapped(7, 100), "entry 7 is 100 of type int; use the ints from 0 to 99"),
        (swapped(7, -93), "entry 7 is -93"),
        (swapped(7, 7.0), "entry 7 is 7.0 of type float"),
        (swapped(7, True), "entry 7 is True of type bool"),
        (swapped(7, None), "entry 7 is None"),
        (swapped(7, [7]), r"entry 7 is \[7\]"),
        (swapped(7, float("nan")), "entry 7 is nan"),
        (swapped(7, 10**400), "entry 7 is 1000"),
        (np.arange(100.0), "must return a list of 100 numbers"),
        (np.zeros(100, dtype=int), "transaction 0 is in the order twice, at entry 1 again"),
        (np.arange(200).reshape(100, 2), "must return a list of 100 numbers"),
    ],
    ids=repr,
)
def test_what_is_no_permutation_is_an_error_that_says_why(answer: object, told: str) -> None:
    """Leaving a transaction out would be the easiest way to a short makespan."""
    with pytest.raises(ValueError, match=f"^records-000: .*{told}"):
        task.evaluate(FakeProgram({"schedule": lambda _: answer}))


def test_an_exception_of_the_program_is_its_error() -> None:
    """What it raises reaches whoever runs the evaluator."""
    with pytest.raises(ProgramError, match="IndexError"):
        task.evaluate(FakeProgram({"schedule": lambda some: some[100]}))
