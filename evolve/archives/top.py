"""Top: the best so far, with ε-greedy sampling."""

from __future__ import annotations

from bisect import insort

import numpy as np

from evolve.types import Selection, Trial

__all__ = ["Top"]


class Top:
    """Keeps the `size` best trials. Samples the best one as parent, or with probability `epsilon` any that is kept.

    Of equally good trials the first one told is better. Up to two others of those kept are inspirations. Memory and the
    cost of a sample do not grow with the number of trials told.
    """

    def __init__(self, size: int = 50, epsilon: float = 0.2) -> None:
        if size < 1 or not 0.0 <= epsilon <= 1.0:
            raise ValueError(f"size is at least 1 and epsilon between 0 and 1, not {size} and {epsilon}")
        self._size = size
        self._epsilon = epsilon
        self._kept: list[tuple[float, int, Trial]] = []
        """(minus fitness, order of tell, trial), best first."""
        self._told = 0

    def tell(self, trial: Trial) -> None:
        """Keep the trial if it has a fitness and is good enough. One that is kept already takes its new place."""
        self._told += 1
        order = self._told
        for place, (_, told, kept) in enumerate(self._kept):
            if kept.number == trial.number:
                order = told
                del self._kept[place]
                break
        if trial.fitness is None:
            return
        insort(self._kept, (-trial.fitness, order, trial))
        del self._kept[self._size :]

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent, and up to two inspirations. Raises `LookupError` when no trial has a fitness."""
        if not self._kept:
            raise LookupError("no trial has a fitness yet, so there is no parent to sample")
        at = int(rng.integers(len(self._kept))) if rng.random() < self._epsilon else 0
        others = [trial for place, (_, _, trial) in enumerate(self._kept) if place != at]
        drawn = rng.permutation(len(others))[:2]
        return Selection(parents=(self._kept[at][2],), inspirations=tuple(others[int(place)] for place in drawn))
