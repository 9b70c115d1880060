"""Top: the best so far, with ε-greedy sampling."""

from __future__ import annotations

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, Kept, others
from evolve.types import Selection, Trial

__all__ = ["Top", "greedy"]


class Top:
    """Keeps the best trials. Samples the best one as parent, or with probability `epsilon` any that is kept.

    Of equally good trials the first one told is better. Memory and the cost of a sample do not grow with the number of
    trials told.

    Args:
        size: how many are kept.
        epsilon: how often the parent is any of them; 0 is the greedy search.
        inspirations: how many others of those kept go with the parent.

    Raises `ValueError` for a size below 1, inspirations below 0 or an epsilon that is no probability.
    """

    def __init__(self, size: int = 50, epsilon: float = 0.2, inspirations: int = 2) -> None:
        if not 0.0 <= epsilon <= 1.0 or inspirations < 0:
            raise ValueError(
                f"epsilon is between 0 and 1 and inspirations at least 0, not {epsilon} and {inspirations}"
            )
        self._kept = Kept(size)
        self._epsilon = epsilon
        self._inspirations = inspirations

    def tell(self, trial: Trial) -> None:
        """Keep the trial if it has a fitness and is good enough. One that is kept already takes its new place."""
        self._kept.tell(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent and inspirations. Raises `LookupError` when no trial has a fitness."""
        if not len(self._kept):
            raise LookupError(NOTHING_TO_SAMPLE)
        at = int(rng.integers(len(self._kept))) if rng.random() < self._epsilon else 0
        parent = self._kept[at]
        return Selection(parents=(parent,), inspirations=others(self._kept, parent, self._inspirations, rng))


def greedy(size: int = 50, inspirations: int = 2) -> Top:
    """The greedy search: `Top` that always samples the best. Raises `ValueError` as that does."""
    return Top(size, 0.0, inspirations)
