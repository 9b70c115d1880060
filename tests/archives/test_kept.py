"""Kept holds the best trials, whatever is told in which order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.archives._kept import Kept, others
from evolve.testing.trials import trial
from evolve.types import Trial

Tells = list[tuple[int, float | None]]
TELLS = st.lists(st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(-3, 3).map(float))), max_size=60)


@given(TELLS)
def test_it_is_the_sorted_list_of_the_trials_as_they_are_now(tells: Tells) -> None:
    """With room for all of them: best first, of equals the first one told, and none without a fitness."""
    kept, model = Kept(100), dict[int, tuple[int, Trial]]()
    for at, (number, fitness) in enumerate(tells):
        made = trial(number, "x = 0\n", fitness)
        assert kept.tell(made) is None
        order = model.pop(number, (at, made))[0]
        if fitness is not None:
            model[number] = (order, made)
    expected = sorted(model.values(), key=lambda entry: (-(entry[1].fitness or 0.0), entry[0]))
    assert list(kept) == [made for _, made in expected]
    assert [kept[place] for place in range(len(kept))] == list(kept)
    assert kept.best == (expected[0][1] if expected else None)
    assert all((number in kept) == (number in model) for number in range(13))


@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=50), st.integers(1, 8))
def test_the_best_stay_and_each_that_goes_is_given_back(fitness: list[float], size: int) -> None:
    """Nothing is lost on the way: who is told is kept or was given back."""
    kept = Kept(size)
    gone = {dropped.number for at, f in enumerate(fitness) if (dropped := kept.tell(trial(at, "x = 0\n", f)))}
    best = sorted(range(len(fitness)), key=lambda at: (-fitness[at], at))[:size]
    assert [one.number for one in kept] == best
    assert gone == set(range(len(fitness))) - set(best)


def test_what_is_forgotten_may_come_back() -> None:
    """As a trial that is told for the first time."""
    kept = Kept(3)
    for number in range(3):
        kept.tell(trial(number, "x = 0\n", 1.0))
    assert kept.forget(0) is not None
    assert kept.forget(0) is None
    assert [one.number for one in kept] == [1, 2]
    kept.tell(trial(0, "x = 0\n", 1.0))
    assert [one.number for one in kept] == [1, 2, 0]


@given(st.integers(1, 6), st.integers(0, 8), st.integers(0, 1000))
def test_others_are_others(size: int, number: int, seed: int) -> None:
    """As many as are wanted and there, none twice."""
    kept = [trial(at, "x = 0\n", 1.0) for at in range(size)]
    drawn = others(kept, kept[0], number, np.random.default_rng(seed))
    assert len({one.number for one in drawn} - {0}) == len(drawn) == min(number, size - 1)


def test_there_is_room_for_one() -> None:
    """At least."""
    with pytest.raises(ValueError, match="size is at least 1"):
        Kept(0)
