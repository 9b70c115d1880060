"""Numbers and what they count."""

from __future__ import annotations

import pytest

from evolve.words import amount, quantity


def test_one_is_no_several() -> None:
    """Whether it is a number, or a text that shows one."""
    assert [quantity(number, "round") for number in (0, 1, 2)] == ["0 rounds", "1 round", "2 rounds"]
    assert [quantity(shown, "call") for shown in ("1", "1 to 3", "0.5")] == ["1 call", "1 to 3 calls", "0.5 calls"]


@pytest.mark.parametrize(
    ("number", "resource", "said"),
    [
        (1, "calls", "1 call"),
        (0, "trials", "0 trials"),
        (2.5, "seconds", "2.5 seconds"),
        (100, "tokens", "100 tokens"),
        (330_000, "nanodollars", "0.00033 dollars"),
        (10**9, "nanodollars", "1 dollar"),
        (1, "nanodollars", "0.000000001 dollars"),
    ],
)
def test_a_resource_is_told_in_its_unit(number: float, resource: str, said: str) -> None:
    """Money in dollars, with no figure too many."""
    assert amount(number, resource) == said
