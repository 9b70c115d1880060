"""What several evaluations of one program come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evolve.types import Cost, Evaluation, Rescored

__all__ = ["average", "rescored", "total"]


def average(evaluations: Sequence[Evaluation], seeds: Sequence[int]) -> Evaluation:
    """The evaluation that stands for these, at least one, all with a score and none a mean itself.

    Score, fitness, objectives, measures, scores of instances and numeric metrics are means over the repeats that have
    them. What is no number, feedback and artifacts are those of the worst repeat.
    """
    worst = min(evaluations, key=_fitness)
    if len(evaluations) == 1:
        return replace(worst, samples=_scores(evaluations), seeds=tuple(seeds))
    numbers = _means(
        {name: value for name, value in evaluation.metrics.items() if _is_number(value)} for evaluation in evaluations
    )
    return replace(
        worst,
        score=_mean(_scores(evaluations)),
        fitness=_mean([_fitness(evaluation) for evaluation in evaluations]),
        objectives=_means(evaluation.objectives for evaluation in evaluations),
        samples=_scores(evaluations),
        seeds=tuple(seeds),
        evaluations=len(evaluations),
        metrics={**worst.metrics, **numbers},
        measures=_means(evaluation.measures for evaluation in evaluations),
        instances=_means(evaluation.instances for evaluation in evaluations),
        cost=total(evaluation.cost for evaluation in evaluations),
    )


def rescored(number: int, evaluations: Sequence[Evaluation], seeds: Sequence[int]) -> Rescored:
    """What is to be added to trial `number` for evaluations of its program; the last of them may have failed."""
    good = [evaluation for evaluation in evaluations if evaluation.fitness is not None]
    last = evaluations[-1]
    return Rescored(
        number=number,
        samples=_scores(good),
        seeds=tuple(seeds[: len(good)]),
        fitness=_mean([_fitness(evaluation) for evaluation in good]) if good else None,
        objectives=_means(evaluation.objectives for evaluation in good),
        status=last.status,
        feedback=last.feedback if last.fitness is None else "",
    )


def total(costs: Iterable[Cost]) -> Cost:
    """Times are added; of memory the most counts."""
    every = list(costs)
    return Cost(
        seconds=math.fsum(cost.seconds for cost in every),
        cpu_seconds=math.fsum(cost.cpu_seconds for cost in every),
        memory_bytes=max((cost.memory_bytes for cost in every), default=0),
        cached=bool(every) and all(cost.cached for cost in every),
    )


def _scores(evaluations: Iterable[Evaluation]) -> tuple[float, ...]:
    return tuple(evaluation.score for evaluation in evaluations if evaluation.score is not None)


def _fitness(evaluation: Evaluation) -> float:
    assert evaluation.fitness is not None
    return evaluation.fitness


def _means(tables: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The mean of each entry over the tables that have it."""
    columns: dict[str, list[float]] = {}
    for table in tables:
        for name, value in table.items():
            columns.setdefault(name, []).append(value)
    return {name: _mean(values) for name, values in columns.items()}


def _mean(values: Sequence[float]) -> float:
    # shares of the sum, since the sum of large scores may be infinite
    return math.fsum(value / len(values) for value in values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
