"""Weighted samples by its formula."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.weighted import Weighted
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Trial


class TestWeighted(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """With its defaults."""
        return Weighted()


class TestSmallWeighted(ArchiveSuite):
    """The contract holds with room for one."""

    def make(self) -> Archive:
        """With room for one trial."""
        return Weighted(size=1)


def child(number: int, fitness: float | None, *parents: int) -> Trial:
    made = trial(number, f"x = {number}\n", fitness)
    return Trial(
        number=number,
        program=made.program,
        parents=parents,
        operator="mutation",
        summary="",
        evaluation=made.evaluation,
    )


FAMILY = [(1.0,), (2.0, 0), (3.0, 0), (2.5, 1), (None, 1), (None, 2), (9.0, 2), (2.0, 1, 2)]
"""(fitness, *parents), by number."""


def family() -> Weighted:
    archive = Weighted()
    for number, (fitness, *parents) in enumerate(FAMILY):
        archive.tell(child(number, fitness, *(int(parent) for parent in parents if parent is not None)))
    return archive


def test_the_weights_are_those_of_the_formula() -> None:
    """Computed by hand: the median is 2.25, the MAD 0.5, and the children are 2, 3, 3, 0, 0 and 0."""
    fitness = {6: 9.0, 2: 3.0, 3: 2.5, 1: 2.0, 7: 2.0, 0: 1.0}
    children = {0: 2, 1: 3, 2: 3, 3: 0, 6: 0, 7: 0}
    expected = [1 / (1 + np.exp(-10 * (f - 2.25) / 0.5)) / (1 + children[n]) for n, f in fitness.items()]
    assert family().weights() == pytest.approx(expected)


FAMILIES = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(-100, 100)), st.lists(st.floats(0, 0.999), max_size=2)),
    min_size=1,
    max_size=12,
)
"""For each trial after the seed its fitness, and which of those told before are its parents (0 to 1)."""


def published(trials: Sequence[Trial], sharpness: float) -> dict[int, float]:
    """The share of each trial with a fitness, by the formula alone: one number after the other."""
    fitness = {one.number: one.fitness for one in trials if one.fitness is not None}
    median = statistics.median(fitness.values())
    spread = max(statistics.median(abs(value - median) for value in fitness.values()), 1e-6)
    weight = {}
    for number, value in fitness.items():
        children = sum(number in one.parents for one in trials)
        exponent = sharpness * (value - median) / spread
        weight[number] = (1.0 / (1.0 + math.exp(-exponent)) if exponent > -500 else 0.0) / (1 + children)
    return {number: value / math.fsum(weight.values()) for number, value in weight.items()}


@settings(max_examples=12, deadline=None)
@given(FAMILIES, st.sampled_from([0.0, 0.5, 10.0]))
def test_parents_are_sampled_as_often_as_the_formula_says(
    family: list[tuple[float | None, list[float]]], sharpness: float
) -> None:
    """Of 2,000 samples each has its share, within six standard errors and a bit."""
    trials = [child(0, 0.0)]
    for number, (fitness, which) in enumerate(family, start=1):
        trials.append(child(number, fitness, *{int(at * number) for at in which}))
    archive = Weighted(sharpness=sharpness)
    for one in trials:
        archive.tell(one)
    samples = 2000
    drawn = Counter(archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(samples))
    share = published(trials, sharpness)
    assert drawn.keys() <= share.keys()
    for number, expected in share.items():
        error = math.sqrt(samples * expected * (1 - expected))
        assert abs(drawn[number] - samples * expected) <= 6 * error + 3


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e300, 1e300), st.sampled_from([0.0, 1.0])), max_size=40),
    st.integers(1, 5),
)
def test_weights_are_positive_numbers_at_any_scale(fitness: list[float | None], size: int) -> None:
    """Also where all are equal, or farther apart than doubles can say; and there is one for each trial kept."""
    archive = Weighted(size=size)
    for number, value in enumerate([0.0, *fitness]):
        archive.tell(child(number, value, *range(min(number, 2))))
        assert len(archive._children) == len(archive.weights()) <= size
    assert np.isfinite(archive.weights()).all()
    assert (archive.weights() > 0).all()


def test_a_trial_told_again_is_no_further_child() -> None:
    """Its parents have as many as before."""
    archive = family()
    before = dict(archive._children)
    archive.tell(child(3, 2.25, 1))
    assert archive._children == before


@pytest.mark.parametrize("setting", [{"size": 0}, {"sharpness": -1.0}, {"sharpness": np.inf}, {"inspirations": -1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match="at least"):
        Weighted(**setting)  # type: ignore[arg-type] # what a command line may give
