"""Policies compared on the runs that they made: the numbers of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolve.bench.runs import Array, Run
from evolve.bench.statistics import (
    expected_best,
    holm,
    iqm,
    median_time,
    sign_test,
    signed_rank_test,
    stratified_interval,
    win_share,
)
from evolve.errors import TaskError

__all__ = ["Comparison", "Estimate", "Line", "Versus"]

_SEED = 0
"""Of all resampling: the same data give the same report."""


@dataclass(frozen=True)
class Estimate:
    """A value with both ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Versus:
    """A policy against the baseline, in pairs of runs with the same task and seed.

    `share` of the pairs are won in score; `score` and `calls` are the p-values of the two tests, adjusted by Holm over
    all tests of the report.
    """

    pairs: int
    share: float
    score: float
    calls: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A policy on a task, or on all of them. `versus` is None for the baseline, and where there are no pairs.

    `score` is the inter-quartile mean after the calls that all were given, `calls` the median of those to the
    threshold, which `reached` of the `runs` came to; they were `given` so many at most.
    """

    policy: str
    runs: int
    failed: int
    score: Estimate
    calls: Estimate | None
    given: float
    reached: int
    versus: Versus | None


@dataclass(frozen=True)
class _Place:
    """Where policies are compared: one task, or several with scores that were normalised.

    What is compared is (fitness - shift) * factor, of each task.
    """

    tasks: tuple[str, ...]
    policies: tuple[str, ...]
    shift: Mapping[str, float]
    factor: Mapping[str, float]


@dataclass(frozen=True)
class _Pairs:
    """What the tests are made of: differences of score, and who was first at the threshold (1, 0 or -1)."""

    score: Array
    calls: Array


class Comparison:
    """Compares the policies of `runs` with one of them.

    Runs that failed count in no figure but their number. On each task scores are compared after as many calls as every
    policy was given there. The threshold of a task is what the baseline has with all its calls, by the median.

    Args:
        runs: of any number of policies and tasks.
        baseline: the policy that the others are held against; by default the first.
        thresholds: scores by task, in the place of that.

    Raises `TaskError` when the baseline or a task of a threshold has no run.
    """

    def __init__(
        self, runs: Sequence[Run], *, baseline: str | None = None, thresholds: Mapping[str, float] | None = None
    ) -> None:
        self.runs = [run for run in runs if not run.failed]
        self.failed = [run for run in runs if run.failed]
        self.policies = list(dict.fromkeys(run.policy for run in runs))
        self.tasks = list(dict.fromkeys(run.task for run in runs))
        self.baseline = self.policies[0] if baseline is None else baseline
        if self.baseline not in self.policies:
            raise TaskError(f"there is no run of the baseline {baseline!r}; there are {', '.join(self.policies)}")
        if wrong := sorted((thresholds or {}).keys() - set(self.tasks)):
            raise TaskError(f"there is no run on the task {wrong[0]!r}; there are {', '.join(self.tasks)}")
        self.signs = {run.task: run.sign for run in runs}
        self.horizons = {task: self._horizon(task) for task in self.tasks}
        self.thresholds = {
            task: self.signs[task] * thresholds[task] if thresholds and task in thresholds else self._threshold(task)
            for task in self.tasks
        }
        self._lines = self._all_lines()

    def of(self, policy: str, task: str) -> list[Run]:
        """The runs of a policy on a task, without those that failed."""
        return [run for run in self.runs if (run.policy, run.task) == (policy, task)]

    def lines(self, task: str | None) -> list[Line]:
        """A line for each policy with a run on a task that did not fail; None is all tasks together.

        Scores of all tasks are normalised: 0 is the seed program, 1 the best that any run of the data has found.
        Policies that lack a task are not in there, and neither are tasks on which nothing was found.
        """
        return self._lines.get(task, [])

    def progress(self, policy: str, task: str, name: str, amounts: Array) -> tuple[Array, Array, Array]:
        """The inter-quartile mean of the best score, and its interval, when so much was used of what `name` says."""
        curves = np.stack([run.at(name, amounts) for run in self.of(policy, task)])
        low, high = stratified_interval(
            lambda groups: iqm(groups[0]), [curves], np.random.default_rng(_SEED), resamples=500
        )
        sign = self.signs[task]
        return sign * iqm(curves), sign * low, sign * high

    def split(self, policy: str, task: str, parts: int) -> float | None:
        """The expected best score of so many runs, each with that part of the calls; None with too few runs."""
        runs, horizon = self.of(policy, task), self.horizons[task]
        if parts > len(runs) or horizon < parts:
            return None
        return self.signs[task] * expected_best(_at(runs, horizon // parts), parts)

    def _horizon(self, task: str) -> float:
        """The calls that every policy which asks models was given on a task."""
        given = (self._given(policy, task) for policy in self.policies)
        return min((most for most in given if most > 0), default=0.0)

    def _given(self, policy: str, task: str) -> float:
        """The most calls that a run of it was given."""
        runs = self.of(policy, task)
        return max((run.budget if np.isfinite(run.budget) else run.total("calls") for run in runs), default=0.0)

    def _threshold(self, task: str) -> float:
        """What the baseline has in the end, by the median; infinite where it has no run."""
        runs = self.of(self.baseline, task)
        return float(np.median([run.best[-1] for run in runs])) if runs else np.inf

    def _places(self) -> dict[str | None, _Place]:
        places: dict[str | None, _Place] = {
            task: _Place((task,), self._with_runs([task]), {task: 0.0}, {task: self.signs[task]}) for task in self.tasks
        }
        ends = {task: self._ends(task) for task in self.tasks}
        known = tuple(task for task, (low, high) in ends.items() if np.isfinite(low) and high > low)
        if len(known) > 1:
            factor = {task: 1.0 / (ends[task][1] - ends[task][0]) for task in known}
            places[None] = _Place(known, self._with_runs(known), {task: ends[task][0] for task in known}, factor)
        return places

    def _with_runs(self, tasks: Sequence[str]) -> tuple[str, ...]:
        return tuple(policy for policy in self.policies if all(self.of(policy, task) for task in tasks))

    def _ends(self, task: str) -> tuple[float, float]:
        """The fitness of the seed program, and the best that any run has found within the calls that all were given."""
        runs = [run for run in self.runs if run.task == task]
        seeds = [run.best[0] for run in runs]
        return float(np.median(seeds)) if seeds else -np.inf, max(_at(runs, self.horizons[task]), default=-np.inf)

    def _all_lines(self) -> dict[str | None, list[Line]]:
        """Lines by task, all with p-values that were adjusted together."""
        places = self._places()
        found = {
            (task, policy): self._pairs(policy, place)
            for task, place in places.items()
            for policy in place.policies
            if policy != self.baseline
        }
        tested = {key: pairs for key, pairs in found.items() if len(pairs.score)}
        adjusted = holm(
            [p for pairs in tested.values() for p in (signed_rank_test(pairs.score), sign_test(pairs.calls))]
        )
        versus = {
            key: Versus(
                pairs=len(pairs.score),
                share=win_share(pairs.score),
                score=adjusted[2 * at],
                calls=adjusted[2 * at + 1],
            )
            for at, (key, pairs) in enumerate(tested.items())
        }
        return {
            task: [self._line(policy, place, versus.get((task, policy))) for policy in place.policies]
            for task, place in places.items()
        }

    def _line(self, policy: str, place: _Place, versus: Versus | None) -> Line:
        runs = {task: self.of(policy, task) for task in place.tasks}
        values = [
            (_at(runs[task], self.horizons[task]) - place.shift[task]) * place.factor[task] for task in place.tasks
        ]
        times = [np.array([run.calls_to(self.thresholds[task]) for run in runs[task]], float) for task in place.tasks]
        return Line(
            policy=policy,
            runs=sum(map(len, values)),
            failed=sum(run.policy == policy and run.task in place.tasks for run in self.failed),
            score=_estimate(lambda groups: float(iqm(np.concatenate(groups))), values),
            calls=_estimate(_median_of, times) if len(times) == 1 else None,
            given=max(self._given(policy, task) for task in place.tasks),
            reached=int(sum(found[:, 1].sum() for found in times)),
            versus=versus,
        )

    def _pairs(self, policy: str, place: _Place) -> _Pairs:
        score, calls = [], []
        for task in place.tasks:
            others = {run.seed: run for run in self.of(self.baseline, task)}
            for run in self.of(policy, task):
                if (other := others.get(run.seed)) is not None:
                    mine, theirs = _at([run, other], self.horizons[task])
                    score.append((mine - theirs) * abs(place.factor[task]) if mine != theirs else 0.0)
                    calls.append(_first(run, other, self.thresholds[task]))
        return _Pairs(np.array(score), np.array(calls))


def _at(runs: Sequence[Run], calls: float) -> Array:
    """The best fitness of each run after so many calls."""
    return np.array([run.at("calls", np.array([calls]))[0] for run in runs])


def _estimate(statistic: Callable[[Sequence[Array]], float], groups: Sequence[Array]) -> Estimate:
    low, high = stratified_interval(statistic, groups, np.random.default_rng(_SEED))
    return Estimate(statistic(groups), float(low), float(high))


def _median_of(groups: Sequence[Array]) -> float:
    times = np.concatenate(groups)
    return median_time(times[:, 0], times[:, 1] > 0)


def _first(run: Run, other: Run, fitness: float) -> float:
    """1 when a run was there with fewer calls than the other, -1 when it was later, 0 for a tie or if nobody knows."""
    (mine, reached), (theirs, also) = run.calls_to(fitness), other.calls_to(fitness)
    if reached and also:
        return float(np.sign(theirs - mine))
    if reached:
        return 1.0 if mine <= theirs else 0.0
    return -1.0 if also and theirs <= mine else 0.0
