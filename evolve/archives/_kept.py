"""Kept: the best trials told, in order; what most archives are made of."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

import numpy as np

from evolve.types import Trial

__all__ = ["NOTHING_TO_SAMPLE", "Kept", "others"]

NOTHING_TO_SAMPLE = "no trial has a fitness yet, so there is no parent to sample"


class Kept:
    """The `size` best of the trials told, best first; of equals the first one told is better.

    A `tell` takes O(log size) comparisons. Raises `ValueError` for a size below 1.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size is at least 1, not {size}")
        self._size = size
        self._sorted: list[tuple[float, int, Trial]] = []
        """(minus fitness, order of tell, trial), best first; no two have the same order."""
        self._keys: dict[int, tuple[float, int]] = {}
        self._told = 0

    def tell(self, trial: Trial) -> Trial | None:
        """Keep the trial if it has a fitness and is good enough; one that is kept already takes its new place.

        Returns the trial that is kept no more for it, which may be the one told.
        """
        self._told += 1
        order = self.forget(trial.number)
        if trial.fitness is None:
            return None
        key = (-trial.fitness, order or self._told)
        insort(self._sorted, (*key, trial))
        self._keys[trial.number] = key
        if len(self._sorted) <= self._size:
            return None
        _, _, dropped = self._sorted.pop()
        del self._keys[dropped.number]
        return dropped

    def forget(self, number: int) -> int | None:
        """Keep the trial no more; gives the order of its tell, None when it is not kept."""
        key = self._keys.pop(number, None)
        if key is None:
            return None
        del self._sorted[bisect_left(self._sorted, key, key=lambda entry: entry[:2])]
        return key[1]

    @property
    def best(self) -> Trial | None:
        """The best one; None when there is none."""
        return self._sorted[0][2] if self._sorted else None

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, number: int) -> bool:
        return number in self._keys

    def __iter__(self) -> Iterator[Trial]:
        """Best first."""
        return (trial for _, _, trial in self._sorted)

    def __getitem__(self, place: int) -> Trial:
        """The trial in that place, 0 for the best one."""
        return self._sorted[place][2]


def others(kept: Kept | Sequence[Trial], parent: Trial, number: int, rng: np.random.Generator) -> tuple[Trial, ...]:
    """Up to `number` trials of those kept beside the parent, each as likely as the next, none twice."""
    drawn = rng.permutation(len(kept))[: number + 1] if len(kept) > 1 else ()
    chosen = (kept[int(place)] for place in drawn)
    return tuple(trial for trial in chosen if trial.number != parent.number)[:number]
