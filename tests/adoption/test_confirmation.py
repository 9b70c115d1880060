"""Instances are fresh: nobody could have known them, and none of them were seen before."""

from __future__ import annotations

from itertools import islice

import pytest

from evolve.adoption.confirmation import fresh
from evolve.testing.adoptions import worth
from evolve.types import Program

OLD, NEW = worth(0.3), worth(0.4)


def drawn(
    *, seed: int = 0, confirmation: int = 1, incumbent: Program = OLD, challenger: Program = NEW, used: set[int]
) -> list[int]:
    return list(islice(fresh(seed, confirmation, incumbent, challenger, used), 240))


def test_draws_follow_from_what_is_known() -> None:
    """So they are the same after a kill; seeds have 31 bits, and half of the challengers run first."""
    found = drawn(used=set())
    assert found == drawn(used=set())
    assert all(0 <= draw >> 1 < 2**31 for draw in found)
    assert len({draw >> 1 for draw in found}) == 240
    assert 80 < sum(draw & 1 for draw in found) < 160


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"confirmation": 2}, {"incumbent": worth(0.31)}, {"challenger": worth(0.41)}],
    ids=lambda other: next(iter(other)),
)
def test_whatever_is_another_one_draws_others(other: dict[str, int]) -> None:
    """Another run, another confirmation, another incumbent, another challenger."""
    seeds = {draw >> 1 for draw in drawn(used=set())}
    assert not seeds & {draw >> 1 for draw in drawn(used=set(), **other)}  # type: ignore[arg-type]


def test_a_seed_that_was_used_is_passed_over() -> None:
    """The others stay as they are."""
    first, second, *rest = drawn(used=set())
    assert drawn(used={first >> 1, rest[0] >> 1})[:3] == [second, rest[1], rest[2]]
