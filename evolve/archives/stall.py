"""Stall: when an archive makes no more progress, another kind of proposal is wished for."""

from __future__ import annotations

import math
from collections import OrderedDict
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
_MEMBERS = 500
"""Trials of a branch whose children are known for its own."""
_STEPS = 3


class Stall:
    """An archive that watches the progress of another one.

    Progress is what the best fitness has gained since it last mattered, as a share of the gap between where the search
    began and the best known: `reach`, or this archive's own. While it stays below `threshold` for `patience` trials, a
    `share` of the samples answers, in steps that take as many trials each:

    1. the best is to `leap`, and what comes of it is kept apart as a *branch*;
    2. the parent is the branch's, a search of its own, which goes on for as long as it makes progress itself; or, when
       no leap had a score, an earlier best one, each as likely as another;
    3. the best is to `combine` with a second parent: `partner`, or the best of the branch, or what inspires it.

    Then they begin anew, with another branch, and `stalled` says that nothing helped. Progress that matters ends it.
    The other samples are the archive's own.

    Args:
        make: makes the archive, and that of a branch.
        patience: trials told without progress after which the search stalls, and how many each step takes.
        threshold: progress that matters, as a share of the gap.
        share: how many of the samples answer the stall.

    Raises `ValueError` for a patience below 1, a threshold or a share that is not between 0 and 1.
    """

    def __init__(
        self,
        make: Callable[[], Archive] = greedy,
        patience: int = 50,
        threshold: float = 0.001,
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
        self._make = make
        self._archive = make()
        self._patience, self._threshold, self._share = patience, threshold, share
        self._line = Kept(_LINE)
        """The best one, and those that were before it."""
        self._seen = Seen()
        self._first: float | None = None
        self._then = -math.inf
        """The best fitness when progress last mattered."""
        self._since = 0
        """Trials told since, without those of steps that were worth their while."""
        self._begin_branch()

    @property
    def step(self) -> int:
        """Which step answers the stall, 0 for none."""
        times = self._since // self._patience
        return 0 if times == 0 else 1 + (times - 1) % _STEPS

    @property
    def stalled(self) -> str:
        """What is to be said when every step was taken and nothing helped; "" before that."""
        if self._since // self._patience <= _STEPS:
            return ""
        return (
            f"no gain of {self._threshold:.3g} of what the search has gained in {self._since} trials, though it leapt, "
            f"went back and combined"
        )

    def tell(self, trial: Trial) -> None:
        """Tell the archive, and see whether there is progress."""
        self._archive.tell(trial)
        new = self._seen.tell(trial.number)
        before = self._line.best
        if trial.number in self._line or _better(trial, before):
            self._line.tell(trial)
        self._tell_branch(trial)
        best = self._line.best
        if best is None or best.fitness is None:
            return
        if self._first is None:
            self._first = self._then = best.fitness
        if not new:
            self._then = min(self._then, best.fitness)  # what a race took away can be gained again
        step = self.step
        self._since += new
        gap = max(best.fitness, self.reach) - min(self._first, self._then)
        if best.fitness > self._then and best.fitness - self._then >= self._threshold * gap:
            self._then, self._since = best.fitness, 0
            self._begin_branch()
        elif step != 1 and self.step == 1:
            self._begin_branch()

    def sample(self, rng: np.random.Generator) -> Selection:
        """What the archive offers, or an answer to the stall. Raises `LookupError` as the archive does."""
        chosen = self._archive.sample(rng)
        if self.step == 0 or rng.random() >= self._share:
            return chosen
        if self.step == 1:
            return replace(chosen, operator="leap")
        return self._back(chosen, rng) if self.step == 2 else self._combined(chosen, rng)

    def _begin_branch(self) -> None:
        self._branch = self._make()
        self._members: OrderedDict[int, None] = OrderedDict()
        self._branch_best = Kept(1)
        self._branch_then: float | None = None

    def _tell_branch(self, trial: Trial) -> None:
        """Tell the branch of a leap, of what comes of one, and of what it knows; its progress makes its step last."""
        leapt = self._since >= self._patience and trial.operator == "leap" and trial.fitness is not None
        if not (leapt or trial.number in self._members or (trial.parents and trial.parents[0] in self._members)):
            return
        self._branch.tell(trial)
        self._branch_best.tell(trial)
        self._members[trial.number] = None
        if len(self._members) > _MEMBERS:
            self._members.popitem(last=False)
        best, top = self._branch_best.best, self._line.best
        if best is None or best.fitness is None or top is None or top.fitness is None:
            return
        if self._branch_then is None or self.step != 2:
            self._branch_then = best.fitness
        elif best.fitness - self._branch_then >= self._threshold * abs(top.fitness - self._branch_then) > 0:
            self._branch_then = best.fitness
            self._since -= self._since % self._patience

    def _back(self, chosen: Selection, rng: np.random.Generator) -> Selection:
        try:
            return self._branch.sample(rng)
        except LookupError:
            earlier = list(self._line)[1:]
        if not earlier:
            return replace(chosen, operator="leap")
        parent = earlier[int(rng.integers(len(earlier)))]
        shown = tuple(trial for trial in chosen.inspirations if trial.number != parent.number)
        return replace(chosen, parents=(parent,), inspirations=shown)

    def _combined(self, chosen: Selection, rng: np.random.Generator) -> Selection:
        parent = chosen.parents[0]
        found = [trial for trial in (self.partner, self._branch_best.best) if trial is not None]
        partners = [trial for trial in found or chosen.inspirations if trial.number != parent.number]
        if not partners:
            return replace(chosen, operator="leap")
        partner = partners[int(rng.integers(len(partners)))]
        shown = tuple(trial for trial in chosen.inspirations if trial.number != partner.number)
        return replace(chosen, parents=(parent, partner), inspirations=shown, operator="combine")


def _better(trial: Trial, best: Trial | None) -> bool:
    return trial.fitness is not None and (best is None or best.fitness is None or trial.fitness > best.fitness)
