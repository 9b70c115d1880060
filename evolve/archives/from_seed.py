"""FromSeed: best of N, independent of each other; the baseline that a search has to beat."""

from __future__ import annotations

import numpy as np

from evolve.archives.top import Top
from evolve.types import Selection, Trial

__all__ = ["FromSeed"]


class FromSeed:
    """Always samples the seed, the first trial told, without inspirations: each proposal as if it were the first.

    A seed that loses its score in a race cannot be offered; the best trial told stands in until it has one again.
    """

    def __init__(self) -> None:
        self._number: int | None = None
        self._seed: Trial | None = None
        self._instead = Top(size=8, epsilon=0.0, inspirations=0)

    def tell(self, trial: Trial) -> None:
        """Remember the seed, and who could stand in for it."""
        if self._number is None:
            self._number = trial.number
        if trial.number == self._number:
            self._seed = trial
        self._instead.tell(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        """The seed. Raises `LookupError` when no trial has a fitness."""
        if self._seed is None or self._seed.fitness is None:
            return self._instead.sample(rng)
        return Selection(parents=(self._seed,))
