"""Lineages as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evolve.cli.branches import descent, draw, led_to

PARENTS = {0: (), 1: (0,), 2: (0,), 3: (1,), 4: (3, 2), 5: (1,)}


@st.composite
def lineages(draw_from: st.DrawFn) -> dict[int, tuple[int, ...]]:
    """Parents of up to 30 trials, each earlier than its child."""
    size = draw_from(st.integers(1, 30))
    one = {n: (draw_from(st.integers(0, n - 1)),) for n in range(1, size)}
    two = {n: (*first, draw_from(st.integers(0, n - 1))) for n, first in one.items() if draw_from(st.booleans())}
    return {0: (), **one, **two}


def test_branches_are_indented_and_lines_of_descent_are_not() -> None:
    """Only where a trial has several children does the tree grow in width."""
    assert list(draw(0, PARENTS, PARENTS, str)) == ["0", "├─ 1", "│  ├─ 3", "│  │  4", "│  └─ 5", "└─ 2"]


def test_what_led_to_a_trial_includes_every_parent() -> None:
    """A crossover comes from both sides."""
    assert led_to([4], PARENTS) == {0, 1, 2, 3, 4}
    assert led_to([5], PARENTS) == {0, 1, 5}


def test_a_descent_follows_first_parents() -> None:
    """What only crossed in from aside does not count, and neither does what is not kept."""
    assert descent(1, PARENTS, PARENTS) == [1, 3, 4, 5]
    assert descent(2, PARENTS, PARENTS) == [2]
    assert descent(1, {1, 4, 5}, PARENTS) == [1, 5]


@given(lineages())
def test_every_trial_is_drawn_once(parents: dict[int, tuple[int, ...]]) -> None:
    """Nothing is lost or doubled, and a trial comes after its first parent."""
    numbers = [int(line.lstrip("├└│─ ")) for line in draw(0, parents, parents, str)]
    assert sorted(numbers) == sorted(parents)
    assert all(numbers.index(p[0]) < numbers.index(n) for n, p in parents.items() if p)


def test_a_long_line_of_descent_is_no_recursion() -> None:
    """5,000 generations are drawn without width and without a deep stack."""
    parents = {0: (), **{n: (n - 1,) for n in range(1, 5000)}}
    assert list(draw(0, parents, parents, str)) == [str(n) for n in range(5000)]
