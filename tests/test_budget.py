from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.budget import Budget


def test_what_is_reserved_cannot_be_reserved_again() -> None:
    """Two workers cannot both have the last trial."""
    budget = Budget({"trials": 1})
    assert budget.reserve(1, {"trials": 1})
    assert not budget.reserve(2, {"trials": 1})
    assert budget.shortage({"trials": 1}) == "trials"


def test_settling_frees_what_was_not_used() -> None:
    """A trial that was never evaluated leaves its evaluation to another one."""
    budget = Budget({"evaluations": 1})
    assert budget.reserve(1, {"trials": 1, "evaluations": 1})
    budget.settle(1, {"trials": 1})
    assert budget.spent == {"trials": 1, "evaluations": 0, "calls": 0, "tokens": 0, "nanodollars": 0}
    assert budget.reserve(2, {"trials": 1, "evaluations": 1})


def test_nothing_is_reserved_when_one_resource_is_short() -> None:
    """A reservation is whole or not at all."""
    budget = Budget({"trials": 5, "calls": 0})
    assert not budget.reserve(1, {"trials": 1, "calls": 1})
    assert budget.committed("trials") == 0


def test_seconds_bound_the_beginning_of_trials() -> None:
    """When the time is up nothing more is reserved."""
    budget = Budget(seconds=1.0, elapsed=1.0)
    assert budget.shortage({}) == "seconds"
    assert not budget.reserve(1, {"trials": 1})


@pytest.mark.parametrize("limits", [{"trails": 1}, {"trials": -1}])
def test_a_wrong_limit_is_refused(limits: dict[str, int]) -> None:
    """An unknown resource or a negative amount is a mistake, not a limit."""
    with pytest.raises(ValueError, match=r"not a resource|at least 0"):
        Budget(limits)


def test_a_key_holds_one_reservation() -> None:
    """Reserving twice under one key would lose the first."""
    budget = Budget()
    budget.reserve(1, {"trials": 1})
    with pytest.raises(ValueError, match="already holds"):
        budget.reserve(1, {"trials": 1})


@given(
    limit=st.integers(0, 30),
    steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=60),
)
def test_spent_never_passes_the_limit_when_use_keeps_to_its_reservation(
    limit: int, steps: list[tuple[int, int, int, bool]]
) -> None:
    """Whatever the order of reserving and settling, what is committed stays within the limit."""
    budget = Budget({"calls": limit})
    held: dict[int, int] = {}
    for key, amount, used, settles in steps:
        if settles and key in held:
            budget.settle(key, {"calls": min(used, held.pop(key))})
        elif not settles and key not in held and budget.reserve(key, {"calls": amount}):
            held[key] = amount
        assert budget.committed("calls") == budget.spent["calls"] + sum(held.values()) <= limit


def test_a_reservation_counts_for_what_it_names_alone() -> None:
    """A trial that asks for no call leaves all of them to others."""
    budget = Budget({"trials": 5, "calls": 1})
    assert budget.reserve(1, {"trials": 1})
    assert budget.reserve(2, {"calls": 1})
    assert (budget.committed("trials"), budget.committed("calls"), budget.elapsed) == (1, 1, 0.0)


def test_what_is_held_counts_whatever_the_limit() -> None:
    """It is used already; it takes the place of what the key held, and goes when that is settled."""
    budget = Budget({"calls": 1})
    budget.hold("a", {"calls": 1})
    budget.hold("a", {"calls": 3})
    assert (budget.committed("calls"), budget.lacking({"calls": 0})) == (3, "calls")
    assert budget.reserve("b", {"trials": 1})
    assert (budget.unsettled(), budget.reserved("b"), budget.reserving("trials")) == (
        {"calls": 3},
        {"trials": 1},
        {"b"},
    )
    budget.settle("a", {"calls": 2})
    assert (budget.committed("calls"), budget.spent["calls"], budget.unsettled()) == (2, 2, {})
    budget.hold("c", {"calls": 4}, lost=True)
    assert (budget.committed("calls"), budget.unsettled()) == (6, {})
