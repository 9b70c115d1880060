"""The statistics of a comparison, as pure functions of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "expected_best",
    "holm",
    "iqm",
    "median_time",
    "sign_test",
    "signed_rank_test",
    "stratified_interval",
    "win_share",
]

Array: TypeAlias = NDArray[np.float64]


def iqm(values: Array) -> Array:
    """The inter-quartile mean over the first axis: the mean of what is left without the lowest and highest quarter.

    A quarter is rounded down, so of up to three values all count. It is neither pulled by a lucky run, as the mean is,
    nor blind to half of the runs, as the median is. Source: Agarwal et al., Deep reinforcement learning at the edge of
    the statistical precipice, NeurIPS 2021, arXiv:2108.13264.

    Raises `ValueError` without any values.
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=0)
    if not len(ordered):
        raise ValueError("there are no values to take a mean of")
    cut = len(ordered) // 4
    found: Array = ordered[cut : len(ordered) - cut].mean(axis=0)
    return found


def stratified_interval(
    statistic: Callable[[Sequence[Array]], Array | float],
    groups: Sequence[Array],
    rng: np.random.Generator,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> tuple[Array, Array]:
    """A percentile bootstrap interval of `statistic(groups)`, the runs of each group drawn anew from that group alone.

    `groups` are arrays with one run in each place of the first axis: one group for each task, so that every task keeps
    its share. Both ends have the statistic's shape and are values that it took, so infinite ones are allowed.

    Source: Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979; stratified by task as
    in Agarwal et al. 2021.
    """
    drawn = np.stack(
        [
            np.asarray(statistic([group[rng.integers(len(group), size=len(group))] for group in groups]), dtype=float)
            for _ in range(resamples)
        ]
    )
    tail = (1.0 - confidence) / 2.0
    low: Array = np.quantile(drawn, tail, axis=0, method="inverted_cdf")
    high: Array = np.quantile(drawn, 1.0 - tail, axis=0, method="inverted_cdf")
    return low, high


def median_time(times: Array, reached: NDArray[np.bool_]) -> float:
    """The median time to an event, by the Kaplan-Meier estimate; infinite when too few runs have come to it.

    `times` says when a run came to the event, or, where it has not `reached` it, up to when it is known that it had
    not: such a run is neither dropped nor counted as if it had got there at its end. The median is the first time by
    which at most half are left. Of runs that all reached it, that is the lower median.

    Source: Kaplan and Meier, Nonparametric estimation from incomplete observations, JASA 53, 1958.
    """
    times, reached = np.asarray(times, dtype=float), np.asarray(reached, dtype=bool)
    left = 1.0
    for time in np.unique(times[reached]):
        at_risk = np.count_nonzero(times >= time)
        left *= 1.0 - np.count_nonzero((times == time) & reached) / at_risk
        if left <= 0.5 + 1e-12:  # a product of fractions, which are not exact
            return float(time)
    return float("inf")


def expected_best(values: Array, runs: int) -> float:
    """The expected best of that many runs, drawn from `values` without putting back.

    It has no bias: the average of the highest value over all subsets of that size. Chen et al., Evaluating large
    language models trained on code, arXiv:2107.03374, equation 1, is the same of runs that pass or fail.

    Raises `ValueError` for less than one run, or more than there are.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    if not 1 <= runs <= len(ordered):
        raise ValueError(f"of {len(ordered)} runs, {runs} cannot be drawn")
    ways = comb(len(ordered), runs)
    shares = np.array([comb(place, runs - 1) / ways for place in range(len(ordered))])
    return float(ordered @ shares)


def signed_rank_test(differences: Array) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test of paired differences, exact with ties too.

    Differences of zero are left out, as Wilcoxon does, and equal ones share their mean rank. The distribution is that
    of all signs of the very ranks at hand, counted and not approximated; so with n differences no p-value is below
    2 / 2^n. It is 1 when all are zero.

    Source: Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1, 1945.
    """
    differences = np.asarray(differences, dtype=float)
    differences = differences[differences != 0.0]
    sizes = np.abs(differences)
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (2 * ends - counts + 1)[place]  # twice the mean rank, so that all are whole
    ways = [1]
    for rank in ranks.tolist():
        ways = [a + b for a, b in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
    seen = int(ranks[differences > 0].sum())
    return _two_sided(ways, seen)


def sign_test(differences: Array) -> float:
    """The two-sided p-value of the sign test of paired differences, exact; those of zero are left out.

    It asks only which one of a pair is ahead, so infinite differences are allowed: of two runs, one came to a score and
    the other never did.
    """
    differences = np.asarray(differences, dtype=float)
    number = np.count_nonzero(differences)
    return _two_sided([comb(number, ahead) for ahead in range(number + 1)], int(np.count_nonzero(differences > 0)))


def _two_sided(ways: Sequence[int], seen: int) -> float:
    """Twice the smaller tail, from how many ways lead to each value of the statistic; whole numbers until the end."""
    tail = min(sum(ways[: seen + 1]), sum(ways[seen:]))
    return min(1.0, 2 * tail / sum(ways))


def win_share(differences: Array) -> float:
    """The share of pairs with a positive difference, a tie counting half. NaN without pairs."""
    differences = np.asarray(differences, dtype=float)
    if not len(differences):
        return float("nan")
    return float(np.mean((differences > 0) + 0.5 * (differences == 0)))


def holm(values: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that all who are below a level hold together with that certainty.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    order = sorted(range(len(values)), key=lambda at: values[at])
    adjusted, most = [0.0] * len(values), 0.0
    for place, at in enumerate(order):
        most = max(most, min(1.0, (len(values) - place) * values[at]))
        adjusted[at] = most
    return adjusted
