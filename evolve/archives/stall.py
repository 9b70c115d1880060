"""Stall: when an archive makes no more progress, another kind of proposal is wished for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evolve.archives._kept import Kept
from evolve.archives._seen import Seen
from evolve.archives.top import greedy
from evolve.types import Archive, Selection, Trial

__all__ = ["Stall"]

_LINE = 20
"""Trials to go back to, at most."""


class Stall:
    """An archive that watches the progress of another one.

    Progress is what the best fitness has gained since it last mattered, as a share of the gap between where the search
    began and the best known: `reach`, or this archive's own. While it stays below `threshold` for `patience` trials
    after each other, of the samples a `share`

    1. wish for a `leap`, then, after as many trials again,
    2. go back: the parent is an earlier best one, or one that leapt, as likely as another, then
    3. wish to `combine` the parent with a second one: `partner`, or else what inspires it, then
    4. do any of these, and `stalled` says that nothing helped.

    Progress that matters ends it. The other samples are the archive's own, and nothing is drawn before it stalls.

    Args:
        make: makes the archive.
        patience: trials told without progress after which the search stalls, and after which it goes a step further.
        threshold: progress that matters, as a share of the gap.
        share: how many of the samples answer the stall.

    Raises `ValueError` for a patience below 1, a threshold or a share that is not between 0 and 1.
    """

    def __init__(
        self,
        make: Callable[[], Archive] = greedy,
        patience: int = 30,
        threshold: float = 0.01,
        share: float = 0.5,
    ) -> None:
        if patience < 1 or not 0.0 <= threshold <= 1.0 or not 0.0 <= share <= 1.0:
            raise ValueError(
                f"patience is at least 1, threshold and share are between 0 and 1, not {patience}, {threshold}, {share}"
            )
        self.reach = -math.inf
        """The best fitness known elsewhere."""
        self.partner: Trial | None = None
        """Whom to combine with."""
        self._archive = make()
        self._patience, self._threshold, self._share = patience, threshold, share
        self._best = Kept(_LINE)
        self._line: dict[int, Trial] = {}
        """Earlier best ones, and what came of leaps, by number; the last ones told."""
        self._seen = Seen()
        self._first: float | None = None
        self._then = -math.inf
        """The best fitness when progress last mattered."""
        self._since = 0
        """Trials told since."""

    @property
    def step(self) -> int:
        """How far the answer to a stall has gone: 0 for none, 4 when everything was tried."""
        return min(self._since // self._patience, 4)

    @property
    def stalled(self) -> str:
        """What is to be said when everything was tried and nothing helped; "" before that."""
        if self.step < 4:
            return ""
        return (
            f"no gain of {self._threshold:.3g} of what the search has gained in {self._since} trials, though it leapt, "
            f"went back and combined"
        )

    def tell(self, trial: Trial) -> None:
        """Tell the archive, and see whether there is progress."""
        self._archive.tell(trial)
        new = self._seen.tell(trial.number)
        before = self._best.best
        self._best.tell(trial)
        best = self._best.best
        if trial.fitness is None:
            self._line.pop(trial.number, None)
        elif trial.number in self._line or best is trial or trial.operator == "leap":
            self._line[trial.number] = trial
            if len(self._line) > _LINE:
                del self._line[next(iter(self._line))]
        if best is None or best.fitness is None:
            return
        if self._first is None:
            self._first = self._then = best.fitness
        if before is not None and not new:
            self._then = min(self._then, best.fitness)  # what a race took away can be gained again
        self._since += new
        gap = max(best.fitness, self.reach) - min(self._first, self._then)
        if best.fitness > self._then and best.fitness - self._then >= self._threshold * gap:
            self._then, self._since = best.fitness, 0

    def sample(self, rng: np.random.Generator) -> Selection:
        """What the archive offers, or an answer to the stall. Raises `LookupError` as the archive does."""
        chosen = self._archive.sample(rng)
        step = self.step
        if step == 0 or rng.random() >= self._share:
            return chosen
        if step == 4:
            step = 1 + int(rng.integers(3))
        if step == 1:
            return replace(chosen, operator="leap")
        return self._back(chosen, rng) if step == 2 else self._combined(chosen, rng)

    def _back(self, chosen: Selection, rng: np.random.Generator) -> Selection:
        best = self._best.best
        line = [trial for trial in self._line.values() if best is None or trial.number != best.number]
        if not line:
            return replace(chosen, operator="leap")
        parent = line[int(rng.integers(len(line)))]
        shown = tuple(trial for trial in chosen.inspirations if trial.number != parent.number)
        return replace(chosen, parents=(parent,), inspirations=shown)

    def _combined(self, chosen: Selection, rng: np.random.Generator) -> Selection:
        parent = chosen.parents[0]
        found = [self.partner] if self.partner is not None else [*chosen.inspirations, *self._line.values()]
        partners = [trial for trial in found if trial.number != parent.number]
        if not partners:
            return replace(chosen, operator="leap")
        partner = partners[int(rng.integers(len(partners)))]
        shown = tuple(trial for trial in chosen.inspirations if trial.number != partner.number)
        return replace(chosen, parents=(parent, partner), inspirations=shown, operator="combine")
