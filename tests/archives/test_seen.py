"""Seen tells first tells from later ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evolve.archives._seen import Seen


@given(st.lists(st.integers(0, 30), max_size=100))
def test_only_the_first_time_is_the_first(numbers: list[int]) -> None:
    """In whatever order numbers come."""
    seen, known = Seen(), set[int]()
    for number in numbers:
        assert seen.tell(number) == (number not in known)
        known.add(number)


@given(st.lists(st.permutations(range(8)), max_size=20))
def test_what_it_remembers_is_what_was_in_flight(batches: list[list[int]]) -> None:
    """Trials that end out of order leave nothing behind once all are told."""
    seen = Seen()
    for at, batch in enumerate(batches):
        for place in batch:
            seen.tell(8 * at + place)
            assert len(seen._missing) < 8
        assert not seen._missing
