"""The bin packing task against an independent simulation, and against every kind of malformed answer."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, ProgramError, load_evaluator

task = load_evaluator(bundled("evaluators") / "bin_packing" / "evaluate.py")
SEED = bundled("seeds") / "bin_packing"


def best_fit(item: int, remaining: int) -> float:
    return item - remaining


def first_fit(item: int, remaining: int) -> float:
    return 0.0


def bins_by_hand(rule: Callable[[int, int], float], items: list[int]) -> int:
    """The number of bins, by the definition and nothing else."""
    bins: list[int] = []
    for item in items:
        best, value = -1, None
        for k, remaining in enumerate([*bins, 150]):
            if remaining >= item and (value is None or rule(item, remaining) > value):
                best, value = k, rule(item, remaining)
        if best == len(bins):
            bins.append(150)
        bins[best] -= item
    return len(bins)


def instances_of(rows: list[list[int]]) -> object:
    """Instances with these items, each with ITEMS of them."""
    items = np.array(rows, dtype=np.int64)
    arrivals = [tuple(range(20, 101))] + [()] * (items.shape[1] - 1)
    return task.Instances(items, -(-items.sum(axis=1) // 150), tuple(arrivals))


def score(function: Callable[..., object], split: str = "search") -> float:
    answer: float = task.evaluate(FakeProgram({"priority": function}), split)["score"]
    return answer


def test_the_instances_are_of_the_class() -> None:
    """500 integer sizes on 20..100 each, uniform, the held-out ones 1,000 and none of them a search instance."""
    search, held_out = task.load("search"), task.load("held_out")
    assert search.items.shape == (100, 500)
    assert held_out.items.shape == (1000, 500)
    for split in (search, held_out):
        assert (split.items.min(), split.items.max()) == (20, 100)
        counts = np.bincount(split.items.ravel(), minlength=101)[20:]
        expected = split.items.size / 81
        # 80 degrees of freedom: beyond 140 once in 30,000 draws
        assert ((counts - expected) ** 2 / expected).sum() < 140
        assert split.bounds.tolist() == [math.ceil(Fraction(sum(row), 150)) for row in split.items.tolist()]
    assert not {tuple(row) for row in search.items.tolist()} & {tuple(row) for row in held_out.items.tolist()}


def test_the_instances_never_change() -> None:
    """The first items of each split, written down: a changed generator would silently change every score."""
    assert task.load("search").items[0, :8].tolist() == [39, 38, 50, 44, 45, 43, 29, 58]
    assert task.load("held_out").items[0, :8].tolist() == [59, 39, 78, 39, 89, 96, 65, 72]


def test_the_seed_is_best_fit_exactly() -> None:
    """The seed's score is the one of best fit in an independent simulation, to the last bit."""
    program = FakeProgram.load(SEED)
    instances = task.load("search")
    by_hand = [bins_by_hand(best_fit, row) for row in instances.items.tolist()]
    excess = [bins / bound - 1.0 for bins, bound in zip(by_hand, instances.bounds.tolist(), strict=True)]
    result = task.evaluate(program, "search")
    assert result["score"] == -math.fsum(excess) / 100
    assert list(result["instances"].values()) == [round(-value, 6) for value in excess]
    assert task.evaluate(program, "held_out")["score"] == score(best_fit, "held_out")


def test_known_rules_score_what_is_known() -> None:
    """Best fit is 5.1 % over the bound on the held-out instances and first fit 5.5 %."""
    assert round(-100 * score(best_fit, "held_out"), 1) == 5.1
    assert round(-100 * score(first_fit, "held_out"), 1) == 5.5


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 120))
def test_any_rule_packs_as_the_definition_says(seed: int, levels: int, items: int) -> None:
    """A random table with many ties opens as many bins as a simulation that follows the definition bin by bin."""
    draw = random.Random(seed)
    table = {(item, left): draw.randrange(levels) for item in range(20, 101) for left in range(item, 151)}
    rows = [[draw.randint(20, 100) for _ in range(items)] for _ in range(3)]
    packed = task.pack(FakeProgram({"priority": lambda item, left: table[item, left]}), instances_of(rows))
    assert packed.tolist() == [bins_by_hand(lambda item, left: table[item, left], row) for row in rows]


def test_a_rule_that_never_reuses_a_bin_opens_one_for_each_item() -> None:
    """The empty bin competes on its priority; the most bins that there can be are counted right."""
    instances = task.load("search")
    assert task.pack(FakeProgram({"priority": lambda item, remaining: remaining}), instances).tolist() == [500] * 100


def test_ties_go_to_the_first_opened_bin() -> None:
    """With equal values 40 joins 60 and both 50s find room; best fit puts it beside 100 and needs a third bin."""
    rows = [[60, 100, 40, 50, 50]]
    assert task.pack(FakeProgram({"priority": first_fit}), instances_of(rows)).tolist() == [2]
    assert task.pack(FakeProgram({"priority": best_fit}), instances_of(rows)).tolist() == [3]


def test_no_item_is_asked_for_before_it_arrives() -> None:
    """A message in step t only speaks of sizes that arrive in step t of some instance, each pair once."""
    program = FakeProgram({"priority": best_fit})
    rows = [[100, 90, 80], [100, 20, 90]]
    arrivals = ((100,), (20, 90), (80,))
    items = np.array(rows, dtype=np.int64)
    task.pack(program, task.Instances(items, np.ones(2), arrivals))
    asked = [args for _, args in program.calls]
    assert len(asked) == len(set(asked))
    assert [item for k, (item, _) in enumerate(asked) if k == 0 or asked[k - 1][0] != item] == [100, 20, 90, 80]
    assert program.trips == 3


def test_every_size_is_announced_in_the_step_where_it_first_arrives() -> None:
    """`arrivals` lists each size once, in the first step in which any instance has it."""
    for split in ("search", "held_out"):
        instances = task.load(split)
        announced = {size: step for step, sizes in enumerate(instances.arrivals) for size in sizes}
        assert sum(map(len, instances.arrivals)) == 81
        for size in range(20, 101):
            assert announced[size] == np.argwhere(instances.items == size)[:, 1].min()


def test_an_evaluation_takes_few_messages() -> None:
    """Lock step keeps the round trips few: five at most, for all pairs."""
    program = FakeProgram.load(SEED)
    task.evaluate(program, "search")
    assert program.trips <= 5
    assert len(program.calls) == sum(151 - item for item in range(20, 101))


def test_a_result_describes_each_instance() -> None:
    """The mean of the instances is the score, and the held-out split gives no feedback."""
    result = task.evaluate(FakeProgram.load(SEED), "search")
    assert len(result["instances"]) == 100
    assert math.isclose(sum(result["instances"].values()) / 100, result["score"], abs_tol=1e-6)
    assert "above the bound" in result["feedback"]
    held_out = task.evaluate(FakeProgram.load(SEED), "held_out")
    assert len(held_out["instances"]) == 1000
    assert held_out["feedback"] == ""


@pytest.mark.parametrize(
    "answer",
    [None, "1.0", True, False, float("nan"), 1j, [1.0], [], {}, {"value": 1.0}, b"1", np.array([1.0]), np.array(True)],
    ids=repr,
)
def test_an_answer_that_is_no_number_is_an_error_that_names_the_pair(answer: object) -> None:
    """One wrong answer among thousands is found, and the text says for which arguments and what is wanted."""
    with pytest.raises(ValueError, match=r"priority\(item=37, remaining=52\) returned .*must return one int or float"):
        score(lambda item, remaining: answer if (item, remaining) == (37, 52) else 0.0)


def test_an_exception_of_the_rule_is_the_programs_error() -> None:
    """What the rule raises for a pair reaches whoever runs the evaluator."""
    with pytest.raises(ProgramError, match="ZeroDivisionError"):
        score(lambda item, remaining: 1 / (remaining - item))


def test_a_program_without_the_function_is_an_error() -> None:
    """A program that does not define `priority` has no score."""
    with pytest.raises(ProgramError, match="priority"):
        task.evaluate(FakeProgram({}), "search")


def test_numbers_of_any_size_and_kind_are_compared_exactly() -> None:
    """Infinities, huge ints, numpy scalars and ints beside floats give the packing that their order gives."""
    expected = score(best_fit)
    assert score(lambda item, remaining: 10**400 - remaining) == expected
    assert score(lambda item, remaining: 2**60 - remaining) == expected
    assert score(lambda item, remaining: np.float32(-remaining)) == expected
    assert score(lambda item, remaining: np.array(-remaining)) == expected
    assert score(lambda item, remaining: float("inf") if remaining == item else -remaining) == expected
    assert score(lambda item, remaining: -float("inf")) == score(first_fit)
    assert score(lambda item, remaining: 0.0 if remaining % 2 else -0.0) == score(first_fit)


def test_a_rule_that_changes_its_mind_is_asked_only_once() -> None:
    """Answers are kept for the evaluation, so a rule with a state is scored as the table of its first answers."""
    seen: dict[tuple[int, int], int] = {}

    def moody(item: int, remaining: int) -> float:
        seen[item, remaining] = seen.get((item, remaining), 0) + 1
        return -remaining * seen[item, remaining]

    assert score(moody) == score(best_fit)
    assert set(seen.values()) == {1}
