"""Puct: a tree search over trials, by what came of each and how often it was tried."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, others
from evolve.archives._seen import Seen
from evolve.types import Selection, Trial

__all__ = ["Puct"]


@dataclass(slots=True)
class _Node:
    """`best` is the highest fitness of the trial and what came of it; `visits` how many were told with it as parent."""

    trial: Trial
    order: int
    parents: tuple[int, ...]
    fitness: float
    best: float
    visits: int = 0


@dataclass(slots=True)
class _Table:
    """What a sample computes with, one row a node, in the order of tell; made anew when it is needed after a tell."""

    trials: tuple[Trial, ...]
    value: np.ndarray
    prior: np.ndarray
    visits: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Puct:
    """Samples the trial with the highest Q + c·P·√(1 + T)/(1 + n): AlphaZero's rule, over all trials.

    Q is the best fitness among the trial and its descendants, P the prior, which falls linearly with the trial's rank
    by its own fitness and sums to 1, n how many trials were told with it as a parent and T how many were told in all,
    as in TTT-Discover (arXiv 2601.16175). Q is scaled so that the median of those kept is 0, whatever is below it too,
    and the best is 1: so no scale matters, and no outlier at the bottom.

    All is known from `tell`: what is in flight is not counted. So that several that are asked for at once differ, a
    sample assumes a random number of others, from 0 to `spread` - 1, that were sampled just before it.

    The worst node is dropped when there are more than `size`: the one whose Q is the lowest, of equals the one with the
    lowest fitness of its own, then the one told last. Its parents become its children's, so that ancestors go on
    learning. What comes of a node that was in flight and dropped has no ancestors.

    Args:
        size: how many trials are kept; memory and the cost of a tell or a sample are bounded by it.
        c: how much trying what was tried less often counts.
        spread: see above; about the number of trials in flight.
        inspirations: how many others of those kept go with the parent.

    Raises `ValueError` for a size or spread below 1, a c or inspirations below 0.
    """

    def __init__(self, size: int = 100, c: float = 1.0, spread: int = 1, inspirations: int = 2) -> None:
        if size < 1 or spread < 1 or not 0.0 <= c < np.inf or inspirations < 0:
            raise ValueError(
                f"size and spread are at least 1, c and inspirations at least 0, not {size}, {spread}, {c} and "
                f"{inspirations}"
            )
        self._size, self._c, self._spread, self._inspirations = size, c, spread, inspirations
        self._nodes: dict[int, _Node] = {}
        """By number, in the order of tell."""
        self._seen = Seen()
        self._told = 0
        self._visits = 0
        self._table: _Table | None = None

    def tell(self, trial: Trial) -> None:
        """Count the visit of its parents, whatever became of it, and grow the tree."""
        self._told += 1
        self._table = None
        known = self._nodes.get(trial.number)
        if known is not None:
            self._correct(known, trial)
            return
        parents = tuple(parent for parent in dict.fromkeys(trial.parents) if parent in self._nodes)
        if self._seen.tell(trial.number):
            self._visits += 1
            for parent in parents:
                self._nodes[parent].visits += 1
        if trial.fitness is None:
            return
        self._nodes[trial.number] = _Node(trial, self._told, parents, trial.fitness, trial.fitness)
        self._raise(parents, trial.fitness)
        if len(self._nodes) > self._size:
            self._drop(min(self._nodes.values(), key=lambda node: (node.best, node.fitness, -node.order)))

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent and inspirations. Raises `LookupError` when no trial has a fitness."""
        if not self._nodes:
            raise LookupError(NOTHING_TO_SAMPLE)
        table = self._table = self._table or self._tabulate()
        visits, total = table.visits, self._visits
        assumed = int(rng.integers(self._spread)) if self._spread > 1 else 0
        at = self._choose(table, visits, total)
        for ahead in range(1, assumed + 1):
            visits = visits.copy()
            visits[at] += 1
            at = self._choose(table, visits, total + ahead)
        parent = table.trials[at]
        return Selection(parents=(parent,), inspirations=others(table.trials, parent, self._inspirations, rng))

    def _choose(self, table: _Table, visits: np.ndarray, total: int) -> int:
        """The row with the highest score, of equals the first one told."""
        return int(np.argmax(table.value + self._c * table.prior * np.sqrt(1.0 + total) / (1.0 + visits)))

    def _tabulate(self) -> _Table:
        nodes = tuple(self._nodes.values())
        own, best = np.array([node.fitness for node in nodes]), np.array([node.best for node in nodes])
        median, highest = float(np.median(own)), float(own.max())
        value = np.clip((best - median) / (highest - median), 0.0, 1.0) if highest > median else np.zeros(len(nodes))
        rank = np.empty(len(nodes))
        rank[np.lexsort((np.arange(len(nodes)), -own))] = np.arange(len(nodes))
        prior = (len(nodes) - rank) * 2.0 / (len(nodes) * (len(nodes) + 1))
        visits = np.array([node.visits for node in nodes], dtype=float)
        return _Table(tuple(node.trial for node in nodes), value, prior, visits)

    def _raise(self, parents: tuple[int, ...], fitness: float) -> None:
        """Let ancestors know of a descendant's fitness; those of one who has a better one know of that."""
        waiting = list(parents)
        while waiting:
            node = self._nodes[waiting.pop()]
            if node.best < fitness:
                node.best = fitness
                waiting.extend(node.parents)

    def _correct(self, node: _Node, trial: Trial) -> None:
        """Take a trial as it is now. What its ancestors knew of it no longer holds."""
        if trial.fitness is None:
            self._drop(node)
        else:
            node.trial, node.fitness = trial, trial.fitness
        for each in self._nodes.values():
            each.best = each.fitness
        for each in reversed(list(self._nodes.values())):
            self._raise(each.parents, each.best)

    def _drop(self, node: _Node) -> None:
        number = node.trial.number
        del self._nodes[number]
        for other in self._nodes.values():
            if number in other.parents:
                before = (parent for parent in other.parents if parent != number)
                other.parents = tuple(dict.fromkeys((*before, *node.parents)))[:_PARENTS]


_PARENTS = 4
"""At most of one node, so that those of dropped ones do not pile up."""
