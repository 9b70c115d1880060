"""The statistics against what is counted by brute force, known values and, where it is installed, scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.bench.statistics import (
    Array,
    expected_best,
    holm,
    iqm,
    median_time,
    sign_test,
    signed_rank_test,
    stratified_interval,
    win_share,
)

numbers = st.lists(st.floats(-100, 100).map(lambda x: round(x, 1)), min_size=1, max_size=9)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(numbers)
def test_iqm_is_the_mean_of_the_middle(values: list[float]) -> None:
    """A quarter is cut off at each end, rounded down, whatever the order, and for each column alone."""
    cut = len(values) // 4
    middle = sorted(values)[cut : len(values) - cut]
    assert float(iqm(np.array(values))) == pytest.approx(math.fsum(middle) / len(middle))
    columns = iqm(np.column_stack([values[::-1], [2 * value for value in values]]))
    assert columns.tolist() == pytest.approx([float(iqm(np.array(values))), 2 * float(iqm(np.array(values)))])


def test_iqm_ignores_a_lucky_run() -> None:
    """One run far ahead of the others changes nothing, and no values are an error."""
    assert float(iqm(np.array([1.0, 2.0, 3.0, 1e9]))) == 2.5
    with pytest.raises(ValueError, match="no values"):
        iqm(np.array([]))


@given(numbers)
def test_signed_ranks_are_counted_right(values: list[float]) -> None:
    """The p-value is the share of all signs of these very ranks that are at least as far out, ties and zeros or not."""
    kept = [value for value in values if value]
    sizes = sorted(abs(value) for value in kept)
    ranks = [np.mean([place for place, size in enumerate(sizes, 1) if size == abs(value)]) for value in kept]
    seen = sum(rank for rank, value in zip(ranks, kept, strict=True) if value > 0)
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in product((0, 1), repeat=len(kept))
    ]
    tail = min(np.mean([total <= seen + 1e-9 for total in sums]), np.mean([total >= seen - 1e-9 for total in sums]))
    assert signed_rank_test(np.array(values)) == pytest.approx(min(1.0, 2 * float(tail)))


def test_signed_ranks_agree_with_the_textbook() -> None:
    """The critical values of the published table: two-sided 0.05 at n = 6 is W = 0, at n = 10 W = 8, not 9."""
    assert signed_rank_test(np.arange(1.0, 7.0)) == pytest.approx(2 / 64)
    for lower, below in ((8, True), (9, False)):
        ranks = np.arange(1, 11, dtype=np.float64)
        signs = np.where(np.isin(ranks, [lower] if lower < 9 else [9.0]), -1.0, 1.0).astype(np.float64)
        assert (signed_rank_test(ranks * signs) <= 0.05) is below
    assert signed_rank_test(np.zeros(5)) == 1.0
    assert signed_rank_test(np.array([])) == 1.0


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=25, unique=True), st.randoms(use_true_random=False))
def test_signed_ranks_agree_with_scipy(sizes: list[int], random: Random) -> None:
    """Without ties scipy's exact method says the same, up to as many pairs as a bench has seeds."""
    scipy = pytest.importorskip("scipy.stats", reason="scipy is not installed, so there is nothing to compare with")
    differences = np.array([float(size * random.choice((-1, 1))) for size in sizes])
    assert signed_rank_test(differences) == pytest.approx(float(scipy.wilcoxon(differences, method="exact").pvalue))


@given(st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 2.0, math.inf]), max_size=12))
def test_signs_are_counted_right(values: list[float]) -> None:
    """The p-value is that of as many throws of a fair coin."""
    kept = [value for value in values if value]
    ahead = sum(value > 0 for value in kept)
    ways = [sum(signs) for signs in product((0, 1), repeat=len(kept))]
    tail = min(np.mean([way <= ahead for way in ways]), np.mean([way >= ahead for way in ways]))
    assert sign_test(np.array(values)) == pytest.approx(min(1.0, 2 * float(tail)))


def test_signed_ranks_and_signs_are_exact_with_many_pairs() -> None:
    """Six tasks of 20 seeds, all won: two ways of 2^120, which no floating sum of shares would tell."""
    won = np.arange(1.0, 121.0)
    assert signed_rank_test(won) == pytest.approx(2.0**-119, rel=1e-9)
    assert sign_test(won) == pytest.approx(2.0**-119, rel=1e-9)


@given(p_values)
def test_holm_steps_down(values: list[float]) -> None:
    """Each p-value is at least what it was and at most as many times that as there are; their order stays."""
    adjusted = holm(values)
    assert all(p <= q <= min(1.0, len(values) * p) + 1e-12 for p, q in zip(values, adjusted, strict=True))
    by_size = [adjusted[at] for at in sorted(range(len(values)), key=lambda at: values[at])]
    assert by_size == sorted(by_size)
    rejected = {at for at, q in enumerate(adjusted) if q <= 0.05}
    stepped: set[int] = set()
    for place, at in enumerate(sorted(range(len(values)), key=lambda at: values[at])):
        if values[at] * (len(values) - place) > 0.05:
            break
        stepped.add(at)
    assert rejected == stepped


def test_holm_of_a_known_family() -> None:
    """A worked example: 0.01, 0.04, 0.03, 0.005 are 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(numbers, st.integers(1, 9))
def test_expected_best_is_the_mean_over_all_draws(values: list[float], runs: int) -> None:
    """Of as many runs as are drawn without putting back, the average of the best."""
    if runs > len(values):
        with pytest.raises(ValueError, match="cannot be drawn"):
            expected_best(np.array(values), runs)
        return
    every = [max(drawn) for drawn in combinations(values, runs)]
    assert expected_best(np.array(values), runs) == pytest.approx(math.fsum(every) / len(every), abs=1e-9)


def test_median_time_of_censored_runs() -> None:
    """A published example, the 6-MP arm of Freireich et al. 1963: the Kaplan-Meier median is 23 weeks."""
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    censored = [3, 5, 7, 8, 11, 12, 13, 16, 17, 18, 19, 20]
    reached = np.array([at not in censored for at in range(len(weeks))])
    assert median_time(np.array(weeks, dtype=float), reached) == 23.0


@given(st.lists(st.integers(0, 50), min_size=1, max_size=15))
def test_median_time_without_censoring_is_the_median(times: list[int]) -> None:
    """The lower one of an even number."""
    found = median_time(np.array(times, dtype=float), np.ones(len(times), dtype=bool))
    assert found == sorted(times)[(len(times) - 1) // 2]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=15))
def test_median_time_never_gains_from_censoring(runs: list[tuple[int, bool]]) -> None:
    """Who did not get there counts as not there: such runs never make the median earlier, and of none it is never."""
    times, reached = np.array([time for time, _ in runs], dtype=float), np.array([there for _, there in runs])
    assert median_time(times, reached) >= median_time(times, np.ones(len(runs), dtype=bool))
    assert median_time(times, np.zeros(len(runs), dtype=bool)) == math.inf


def test_intervals_cover_the_truth() -> None:
    """Of 200 samples of two tasks, some 95 in a hundred intervals hold the true mean."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        groups = [rng.normal(0.0, 1.0, 20), rng.normal(10.0, 3.0, 20)]
        low, high = stratified_interval(_mean, groups, rng, resamples=300)
        held += bool(low <= 5.0 <= high)
    assert 176 <= held <= 198


def test_each_task_keeps_its_share() -> None:
    """Runs are drawn within their task: tasks that differ by far more than their runs do not widen the interval."""
    groups = [np.array([0.0, 0.0, 0.0]), np.array([100.0, 100.0])]
    low, high = stratified_interval(_mean, groups, np.random.default_rng(0), resamples=50)
    assert float(low) == float(high) == 40.0


def test_an_interval_of_curves_has_their_shape() -> None:
    """Points of a curve are resampled together, and infinite values stay infinite."""
    curves = np.array([[0.0, 1.0], [0.0, 2.0], [-math.inf, 3.0]])
    low, high = stratified_interval(lambda groups: groups[0].max(axis=0), [curves], np.random.default_rng(0))
    assert low.shape == high.shape == (2,)
    assert high.tolist() == [0.0, 3.0]


def test_ties_are_half_won() -> None:
    """Of four pairs one is won and two are even; without pairs there is no share."""
    assert win_share(np.array([1.0, 0.0, 0.0, -1.0])) == 0.5
    assert math.isnan(win_share(np.array([])))


def _mean(groups: Sequence[Array]) -> float:
    return float(np.concatenate(groups).mean())
