"""Top keeps the best and samples the best, mostly."""

from __future__ import annotations

import numpy as np
import pytest

from evolve.archives.top import Top
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive


class TestTop(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """With its defaults."""
        return Top()


class TestSmallTop(ArchiveSuite):
    """The contract holds with room for one."""

    def make(self) -> Archive:
        """With room for one trial."""
        return Top(size=1)


def told(top: Top, *fitness: float | None) -> Top:
    for number, value in enumerate(fitness):
        top.tell(trial(number, f"x = {number}\n", value))
    return top


def parents(top: Top, samples: int) -> list[int]:
    return [top.sample(np.random.default_rng(seed)).parents[0].number for seed in range(samples)]


def test_the_best_is_the_parent_with_probability_one_minus_epsilon() -> None:
    """Else any of those kept, the best among them."""
    drawn = parents(told(Top(epsilon=0.2), 1.0, 3.0, 2.0, None, 0.0), 2000)
    assert drawn.count(1) == pytest.approx(2000 * (0.8 + 0.2 / 4), abs=60)
    assert drawn.count(4) == pytest.approx(2000 * 0.2 / 4, abs=40)
    assert drawn.count(3) == 0


def test_of_equals_the_first_is_the_best() -> None:
    """So a copy does not push out the original."""
    assert set(parents(told(Top(epsilon=0.0), 1.0, 2.0, 2.0, 2.0), 20)) == {1}


def test_only_the_best_are_kept() -> None:
    """The worst is forgotten first, of equals the last one told."""
    top = told(Top(size=3, epsilon=1.0), 1.0, 5.0, 4.0, 4.0, 4.0, 0.5)
    assert set(parents(top, 200)) == {1, 2, 3}


def test_two_others_are_inspirations() -> None:
    """As far as there are others, each of them as likely as the next."""
    assert told(Top(), 1.0).sample(np.random.default_rng(0)).inspirations == ()
    assert len(told(Top(), 1.0, 2.0).sample(np.random.default_rng(0)).inspirations) == 1
    top = told(Top(epsilon=1.0), 1.0, 2.0, 3.0, 4.0)
    drawn = [top.sample(np.random.default_rng(seed)) for seed in range(200)]
    assert {len({trial.number for trial in (*one.parents, *one.inspirations)}) for one in drawn} == {3}
    assert {one.inspirations[0].number for one in drawn} == {0, 1, 2, 3}


def test_memory_does_not_grow_with_the_trials_told() -> None:
    """A run has a hundred thousand of them."""
    top = told(Top(size=10), *np.random.default_rng(0).normal(size=3000).tolist())
    assert len(top._kept) == 10


@pytest.mark.parametrize(("size", "epsilon", "inspirations"), [(0, 0.2, 2), (5, -0.1, 2), (5, 1.1, 2), (5, 0.2, -1)])
def test_settings_that_make_no_sense_are_refused(size: int, epsilon: float, inspirations: int) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match="at least"):
        Top(size, epsilon, inspirations)
