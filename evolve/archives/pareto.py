"""Pareto: trials that are best at something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from evolve.archives._kept import others
from evolve.archives.top import Top
from evolve.types import Archive, Evaluation, Selection, Trial

__all__ = ["Pareto"]

By: TypeAlias = Literal["auto", "instances", "objectives", "score"]


@dataclass(slots=True)
class _Entry:
    trial: Trial
    order: int
    values: np.ndarray
    """In the order of the columns, NaN where there is none; shape (columns,)."""


class Pareto:
    """Keeps trials that others do not make needless, and samples them by what they are best at.

    By instances, as GEPA does (arXiv 2507.19457, algorithm 2): whoever has the best score on an instance is in its set,
    ties included. A trial is needless when each of its sets has another one in it; the worst by fitness go first, of
    equals the last one told. A trial is sampled in proportion to the number of sets that it is in. There is never more
    than one trial for each instance.

    By objectives, the score among them: trials that no other one dominates, which is to be at least as good in all.
    They are sampled with equal chances. When there are more than `size`, the one whose neighbours on the front are
    nearest is dropped (crowding distance of NSGA-II, Deb et al. 2002); never the best in the score, nor that in an
    objective while there is room.

    The first trial with a fitness says what there is: where `by` is "auto", instances when it has two or more, else
    objectives when it has any, else only the score, for which the archive is `Top` with its defaults. Later trials are
    compared in the instances or objectives of the first; those that lack all of them are not kept.

    Args:
        by: "auto", "instances", "objectives" or "score".
        size: how many trials are kept.
        inspirations: how many others of those kept go with the parent.

    Raises `ValueError` for another `by`, a size below 1 or inspirations below 0.
    """

    def __init__(self, by: By = "auto", size: int = 200, inspirations: int = 2) -> None:
        if by not in get_args(By):
            raise ValueError(f"by is one of {', '.join(get_args(By))}, not {by!r}")
        if size < 1 or inspirations < 0:
            raise ValueError(f"size is at least 1 and inspirations at least 0, not {size} and {inspirations}")
        self._by: By = by
        self._size, self._inspirations = size, inspirations
        self._columns: tuple[str, ...] = ()
        self._entries: dict[int, _Entry] = {}
        self._shares = np.zeros(0)
        """What each of the entries is drawn by, cumulated."""
        self._instead: Archive | None = None
        self._any = Top(size=1, epsilon=0.0, inspirations=0)
        """Stands in when all that were kept have lost their scores."""
        self._sign = 1.0
        """Instances times this are higher where they are better: they go the way of the score."""
        self._told = 0

    def tell(self, trial: Trial) -> None:
        """Keep the trial if it is best at something. One that is kept already is judged as it is now."""
        self._told += 1
        if trial.fitness is not None and not self._columns and self._instead is None:
            self._begin(trial.evaluation)
        self._any.tell(trial)
        if self._instead is not None:
            self._instead.tell(trial)
            return
        before = self._entries.pop(trial.number, None)
        if trial.fitness is not None:
            values = self._values(trial.evaluation)
            if not np.isnan(values).all():
                self._entries[trial.number] = _Entry(trial, before.order if before else self._told, values)
        if self._entries and (before is not None or trial.number in self._entries):
            (self._prune_instances if self._by == "instances" else self._prune_objectives)()

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent and inspirations. Raises `LookupError` when no trial has a fitness."""
        if self._instead is not None:
            return self._instead.sample(rng)
        if not self._entries:
            return self._any.sample(rng)
        trials = [entry.trial for entry in self._entries.values()]
        at = int(np.searchsorted(self._shares, rng.random() * self._shares[-1], side="right"))
        parent = trials[min(at, len(trials) - 1)]
        return Selection(parents=(parent,), inspirations=others(trials, parent, self._inspirations, rng))

    def _begin(self, first: Evaluation) -> None:
        """Decide what is compared."""
        if self._by == "auto":
            self._by = "instances" if len(first.instances) > 1 else "objectives" if first.objectives else "score"
        named: Mapping[str, float] = {"instances": first.instances, "objectives": first.objectives}.get(self._by, {})
        if named:
            self._columns = tuple(named)
        else:
            self._instead = Top(inspirations=self._inspirations)

    def _values(self, evaluation: Evaluation) -> np.ndarray:
        if self._by == "objectives":
            named = evaluation.objectives
            return np.array([evaluation.fitness, *(named.get(name, np.nan) for name in self._columns)], dtype=float)
        if evaluation.score:  # of 0 both ways look the same
            self._sign = 1.0 if evaluation.fitness == evaluation.score else -1.0
        return np.array([evaluation.instances.get(name, np.nan) for name in self._columns], dtype=float)

    def _prune_instances(self) -> None:
        entries = sorted(self._entries.values(), key=lambda entry: (entry.trial.fitness or 0.0, -entry.order))
        table = self._sign * np.stack([entry.values for entry in entries])
        sets = table == np.nanmax(table, axis=0, initial=-np.inf)  # NaN equals nothing
        holders = sets.sum(axis=0)
        kept = []
        for at, inside in enumerate(sets):
            if (holders[inside] > 1).all():  # in no set as well
                holders -= inside
            else:
                kept.append(at)
        kept = sorted(kept, key=lambda at: (-sets[at].sum(), -at))[: self._size]
        kept.sort(key=lambda at: entries[at].order)
        self._entries = {entries[at].trial.number: entries[at] for at in kept}
        self._shares = np.cumsum(sets[kept].sum(axis=1))

    def _prune_objectives(self) -> None:
        entries = list(self._entries.values())
        table = np.stack([entry.values for entry in entries])
        table[np.isnan(table)] = -np.inf
        at_least = (table[:, None, :] >= table[None, :, :]).all(axis=2)  # [a, b]: a is at least as good as b in all
        order = np.array([entry.order for entry in entries])
        instead = at_least & ~(at_least.T & (order[:, None] >= order[None, :]))  # of equals the first one told stays
        front = [at for at in range(len(entries)) if not instead[:, at].any()]
        while len(front) > self._size:
            front.pop(_most_crowded(table[front], order[front]))
        self._entries = {entries[at].trial.number: entries[at] for at in front}
        self._shares = np.arange(1.0, len(front) + 1)


def _most_crowded(front: np.ndarray, order: np.ndarray) -> int:
    """The row with the least crowding distance, the sum over objectives of the gap between its neighbours."""
    distance = np.zeros(len(front))
    for column in front.T:
        ranked = np.lexsort((order, column))
        span = column[ranked[-1]] - column[ranked[0]]
        if np.isfinite(span) and span > 0:
            distance[ranked[1:-1]] += (column[ranked[2:]] - column[ranked[:-2]]) / span
        distance[ranked[[0, -1]]] = np.inf
    if np.isinf(distance).all():  # each is the best or the worst in something: the score decides
        return int(np.lexsort((-order, front[:, 0]))[0])
    return int(np.lexsort((-order, distance))[0])
