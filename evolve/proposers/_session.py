"""The tuning of one structure: what is told of its points, and the distribution that comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evolve.proposers._distribution import Distribution, Vector
from evolve.types import Json, Trial

__all__ = ["Note", "Session", "magnitude", "values_at"]

_PRECISION = 1e-3
"""Steps smaller than this part of a literal would vanish in the four digits that are written."""


_WIDE = 8
"""Generations in which no distribution becomes as narrow as that, so that nobody has to look."""


@dataclass
class Session:
    """Points of one structure, by generations. A point is a step from `start`, in units of each literal's magnitude.

    `patience` and `restarts` are the tuner's; `best` is the best fitness, at first that of the start.
    """

    start: tuple[float, ...]
    best: float
    template: Trial
    """A program of the structure: the best one told."""
    sigma: float
    patience: int
    restarts: int
    epoch: int = 0
    """How often it began again; what is told of earlier epochs is ignored."""
    generation: int = 0
    finished: bool = False
    """There is nothing left to gain."""
    distribution: Distribution = field(init=False)
    _best_values: tuple[float, ...] = field(init=False)
    _base: Vector = field(init=False)
    _unit: Vector = field(init=False)
    _known: dict[int, float] = field(default_factory=dict)
    _points: list[Vector] = field(default_factory=list)
    _fitness: list[float | None] = field(default_factory=list)
    _stalled: int = 0
    _improved: bool = False
    _median: float = -math.inf

    def __post_init__(self) -> None:
        self._best_values = self.start
        self._begin()

    def _begin(self) -> None:
        self.distribution = Distribution(len(self.start), self.sigma)
        self._base = np.array(self.start)
        self._unit = np.array([magnitude(value) for value in self.start])

    def take(self, trial: Trial, values: Sequence[float]) -> None:
        """Learn of a trial whose literals have these values; when that completes a generation, learn from it.

        A duplicate is as good as what it is a copy of, and all else without a fitness is the worst.
        """
        fitness = trial.fitness
        if fitness is None and trial.duplicate_of is not None:
            fitness = self._known.get(trial.duplicate_of)
        elif fitness is not None:
            self._known[trial.number] = fitness
        self._points.append((np.array(values) - self._base) / self._unit)
        self._fitness.append(fitness)
        if fitness is not None and fitness > self.best:
            self.best, self._best_values, self.template = fitness, tuple(values), trial
            self._improved = True
        if len(self._points) >= self.distribution.size:
            self._learn()

    def _learn(self) -> None:
        """Learn from a complete generation, and see whether to go on, to begin again or to end."""
        points, fitness = self._points, self._fitness
        self._points, self._fitness = [], []
        self.distribution.tell(points, _ranks(fitness))
        self.generation += 1
        # a lucky first point can stay the best one for long while the generations still get better
        median = float(np.median([-math.inf if value is None else value for value in fitness]))
        progress = self._improved or median > self._median
        self._improved, self._median = False, max(self._median, median)
        # a start from which most steps fail leaves little to hope for
        hopeless = fitness.count(None) > len(fitness) / 2
        self._stalled = 0 if progress else self._stalled + 1 + hopeless
        if self._stalled < self.patience and (self.generation < _WIDE or self.distribution.now.width > _PRECISION):
            return
        if self.restarts:
            self.restarts -= 1
            self._begin_again(self._best_values, 2 * self.sigma)
        else:
            self.finished = True

    def _begin_again(self, start: tuple[float, ...], sigma: float) -> None:
        self.start, self.sigma = start, sigma
        self._begin()
        self.epoch += 1
        self.generation = self._stalled = 0
        self._median = -math.inf
        self._known.clear()


@dataclass(frozen=True)
class Note:
    """What a tuner's proposal says of itself, so that a replay needs nothing else."""

    structure: str
    epoch: int
    generation: int
    values: tuple[float, ...]
    start: tuple[float, ...] | None = None
    """Where the session starts, unless it was there already when the proposal was made."""
    fitness: float | None = None
    """The fitness at the start."""

    def write(self) -> dict[str, Json]:
        """As JSON."""
        note: dict[str, Json] = {
            "structure": self.structure,
            "epoch": self.epoch,
            "generation": self.generation,
            "values": list(self.values),
        }
        if self.start is not None:
            note |= {"start": list(self.start), "fitness": self.fitness}
        return note

    @classmethod
    def read(cls, note: Mapping[str, Json]) -> Note | None:
        """None when it is no such note: that of a rejected proposal, or of another proposer of that name."""
        key, epoch, generation = note.get("structure"), note.get("epoch"), note.get("generation")
        values, fitness = _floats(note.get("values")), note.get("fitness")
        if not (isinstance(key, str) and isinstance(epoch, int) and isinstance(generation, int)) or values is None:
            return None
        fitness = float(fitness) if isinstance(fitness, int | float) else None
        return cls(key, epoch, generation, values, _floats(note.get("start")), fitness)


def _floats(items: Json) -> tuple[float, ...] | None:
    if not isinstance(items, list | tuple):
        return None
    numbers = [float(item) for item in items if isinstance(item, int | float)]
    return tuple(numbers) if len(numbers) == len(items) else None


def magnitude(value: float) -> float:
    """The unit of steps from a literal of that value."""
    return abs(value) or 1.0


def values_at(start: Sequence[float], point: Vector) -> list[float]:
    """The values of the literals at a point."""
    return [value + magnitude(value) * float(step) for value, step in zip(start, point, strict=True)]


def _ranks(fitness: Sequence[float | None]) -> list[float]:
    """The place of each among the others, equal for equals; the last for what has no fitness."""
    order = {value: float(rank) for rank, value in enumerate(sorted({-f for f in fitness if f is not None}))}
    return [float(len(order)) if value is None else order[-value] for value in fitness]
