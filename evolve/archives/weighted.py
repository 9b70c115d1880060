"""Weighted: better trials are likelier parents, and those with many children less so."""

from __future__ import annotations

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, Kept, others
from evolve.archives._seen import Seen
from evolve.types import Selection, Trial

__all__ = ["Weighted"]

_LEAST_SPREAD = 1e-6


class Weighted:
    """Samples parents by the weight logistic(λ·(f - median)/max(MAD, 1e-6)) / (1 + children).

    f is the trial's fitness, median and MAD (the median absolute deviation) are of those kept, logistic(x) is
    1/(1 + exp(-x)), and children are the trials told that name this one as a parent, whatever became of them. The form
    is that of the Darwin Gödel Machine (arXiv 2505.22954), made free of scale as in ShinkaEvolve (arXiv 2509.19349).

    With a `center` the weight is logistic(λ·(f - center)) / (1 + children), as in that paper, where scores are 0 to 1
    and the center is 0.5.

    Args:
        size: how many trials are kept, the best ones; memory and the cost of a sample are bounded by it.
        sharpness: λ, how much a better fitness counts; 0 lets only the children count.
        inspirations: how many others of those kept go with the parent.
        center: the fitness of a weight of one half; None for the median, with MAD as the unit.

    Raises `ValueError` for a size below 1, a sharpness or inspirations below 0.
    """

    def __init__(
        self, size: int = 100, sharpness: float = 10.0, inspirations: int = 2, center: float | None = None
    ) -> None:
        if not 0.0 <= sharpness < np.inf or inspirations < 0:
            raise ValueError(f"sharpness and inspirations are at least 0, not {sharpness} and {inspirations}")
        self._kept = Kept(size)
        self._sharpness, self._center = sharpness, center
        self._inspirations = inspirations
        self._seen = Seen()
        self._children: dict[int, int] = {}
        """By number, of those kept."""

    def tell(self, trial: Trial) -> None:
        """Keep the trial if it is good enough, and count it as its parents' child when it is told first."""
        if self._seen.tell(trial.number):
            for parent in set(trial.parents) & self._children.keys():
                self._children[parent] += 1
        dropped = self._kept.tell(trial)
        if trial.number in self._kept:
            self._children.setdefault(trial.number, 0)
        else:
            self._children.pop(trial.number, None)
        if dropped is not None:
            self._children.pop(dropped.number, None)

    def weights(self) -> np.ndarray:
        """The weight of each trial kept, best trial first, not normalised; shape (kept,)."""
        fitness = np.array([trial.fitness for trial in self._kept], dtype=float)
        children = np.array([self._children[trial.number] for trial in self._kept], dtype=float)
        off = fitness - (np.median(fitness) if self._center is None else self._center)
        spread = max(float(np.median(np.abs(off))), _LEAST_SPREAD) if self._center is None else 1.0
        exponent = np.clip(self._sharpness * (off / spread), -500.0, 500.0)  # beyond, exp leaves the range of doubles
        weights: np.ndarray = 1.0 / (1.0 + np.exp(-exponent)) / (1.0 + children)
        return weights

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent and inspirations. Raises `LookupError` when no trial has a fitness."""
        if not len(self._kept):
            raise LookupError(NOTHING_TO_SAMPLE)
        cumulated = np.cumsum(self.weights())
        at = int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
        parent = self._kept[min(at, len(self._kept) - 1)]
        return Selection(parents=(parent,), inspirations=others(self._kept, parent, self._inspirations, rng))
