"""Islands: archives side by side, each in a search of its own, and now and then a best one goes over to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, Kept
from evolve.archives._seen import Seen
from evolve.archives.top import Top
from evolve.types import Archive, Selection, Trial

__all__ = ["Islands"]

_REMEMBERED = 100
"""Migrants of an island, and trials that may be its next one."""


@dataclass(slots=True)
class _Island:
    archive: Archive
    best: Kept = field(default_factory=lambda: Kept(_REMEMBERED))
    told: int = 0
    came: deque[int] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Numbers of the trials that came over."""


class Islands:
    """An archive of archives. All begin with the seed, the first trial told, and each is told what was made from it.

    An island is drawn with equal chances, so that none starves; its name is the selection's lane, `island-1` and so on.
    After each `migration` trials of an island, its best one goes over to the next island of the ring: it is told there
    too. All this follows from the trials told alone. A trial of no island's lane is one of the island that its number
    says, number modulo the number of islands.

    Args:
        make: makes the archive of an island.
        count: how many islands there are.
        migration: trials told between migrations from an island; 0 for none at all.

    Raises `ValueError` for a count below 1 or a migration below 0.
    """

    def __init__(self, make: Callable[[], Archive] = Top, count: int = 4, migration: int = 25) -> None:
        if count < 1 or migration < 0:
            raise ValueError(f"count is at least 1 and migration at least 0, not {count} and {migration}")
        self._islands = {f"island-{at}": _Island(make()) for at in range(1, count + 1)}
        self._ring = list(self._islands.values())
        self._migration = migration
        self._seed: int | None = None
        self._seen = Seen()

    def tell(self, trial: Trial) -> None:
        """Tell the trial's own island, and those that it came to; all of them of the seed."""
        if self._seed is None:
            self._seed = trial.number
        if trial.number == self._seed:
            for island in self._ring:
                self._tell(island, trial)
            return
        home = self._islands.get(trial.lane, self._ring[trial.number % len(self._ring)])
        self._tell(home, trial)
        for island in self._ring:
            if island is not home and trial.number in island.came:
                self._tell(island, trial)
        if self._seen.tell(trial.number):
            home.told += 1
            if self._migration and home.told % self._migration == 0:
                self._migrate(home)

    def sample(self, rng: np.random.Generator) -> Selection:
        """What an island offers. Raises `LookupError` when none has a trial with a fitness."""
        names = list(self._islands)
        drawn = int(rng.integers(len(names)))
        for at in range(len(names)):  # one that lost its trials in races begins again with a neighbour's
            try:
                chosen = self._ring[(drawn + at) % len(names)].archive.sample(rng)
            except LookupError:
                continue
            return replace(chosen, lane=names[drawn])
        raise LookupError(NOTHING_TO_SAMPLE)

    def _tell(self, island: _Island, trial: Trial) -> None:
        island.archive.tell(trial)
        island.best.tell(trial)

    def _migrate(self, home: _Island) -> None:
        """Tell the next island of the best one, unless it knows that one."""
        there = self._ring[(self._ring.index(home) + 1) % len(self._ring)]
        best = home.best.best
        if best is None or there is home or best.number in there.best or best.number in there.came:
            return
        there.came.append(best.number)
        self._tell(there, best)
