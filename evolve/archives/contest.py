"""Contest: an archive that has to show that it beats a baseline."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from evolve.archives._seen import Seen
from evolve.types import Archive, Selection, Trial

__all__ = ["BASELINE", "Contest", "Scoreboard", "Standings"]

BASELINE = "baseline"
"""The lane of its trials."""


@dataclass(frozen=True, slots=True)
class Standings:
    """How a contest stands when the baseline has spent so many `unit`, calls of models or trials.

    `baseline` is its best score, in the user's unit, `equal` that of the search when it had spent as much, None where
    there was none; `reached` is less than `spent` when the search has not had as much. `beaten` says whether the search
    was better by then. Scores are as they were told first.
    """

    unit: str
    spent: int
    baseline: float | None
    reached: int
    equal: float | None
    beaten: bool


@dataclass(frozen=True, slots=True)
class _Rise:
    """A trial of a side that was better than those before it, and what the side had spent by then."""

    calls: int
    trials: int
    fitness: float
    score: float | None


@dataclass
class _Side:
    """Trials of one side: what they took, and who was the best when."""

    calls: int = 0
    trials: int = 0
    best: float = -math.inf
    rises: list[_Rise] = field(default_factory=list)

    def tell(self, trial: Trial) -> None:
        self.calls += trial.usage.calls
        self.trials += trial.number > 0
        if trial.fitness is not None and trial.fitness > self.best:
            self.best = trial.fitness
            self.rises.append(_Rise(self.calls, self.trials, trial.fitness, trial.evaluation.score))


class Scoreboard:
    """Hears every trial of a run with a baseline, once, and compares the two."""

    def __init__(self) -> None:
        self._search, self._baseline = _Side(), _Side()

    def tell(self, trial: Trial) -> None:
        """Learn of a trial."""
        if trial.lane != BASELINE:
            self._search.tell(trial)
        if trial.lane == BASELINE or not trial.parents:
            self._baseline.tell(trial)

    @property
    def standings(self) -> Standings:
        """Who was better for the same."""
        asked = bool(self._search.calls or self._baseline.calls)
        spent = self._baseline.calls if asked else self._baseline.trials
        reached = min(spent, self._search.calls if asked else self._search.trials)
        ours = [rise for rise in self._search.rises if (rise.calls if asked else rise.trials) <= spent]
        theirs = self._baseline.rises
        return Standings(
            unit="calls" if asked else "trials",
            spent=spent,
            baseline=theirs[-1].score if theirs else None,
            reached=reached,
            equal=ours[-1].score if ours else None,
            beaten=bool(ours) and (not theirs or ours[-1].fitness > theirs[-1].fitness),
        )


class Contest:
    """Gives a share of the samples to a baseline, which hears of its own trials alone; `board` compares the two.

    The search hears nothing of the baseline's trials either. The seed is both's.

    Args:
        search: samples the other trials.
        baseline: samples those of the lane `BASELINE`.
        share: of the samples, for the baseline; above 0 and below 1.

    Raises `ValueError` for another share.
    """

    def __init__(self, search: Archive, baseline: Archive, share: float) -> None:
        if not 0.0 < share < 1.0:
            raise ValueError(f"the share of a baseline is above 0 and below 1: it cannot be {share}")
        self._search, self._baseline, self._share = search, baseline, share
        self._seen = Seen()
        self.board = Scoreboard()

    @property
    def stalled(self) -> str:
        """What the search has to say of a stall."""
        return str(getattr(self._search, "stalled", ""))

    def tell(self, trial: Trial) -> None:
        """Tell the side that made it, and both of the seed."""
        if trial.lane != BASELINE:
            self._search.tell(trial)
        if trial.lane == BASELINE or not trial.parents:
            self._baseline.tell(trial)
        if self._seen.tell(trial.number):
            self.board.tell(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        """What one of the two samples, the other where it has nothing. Raises `LookupError` when neither has."""
        if rng.random() < self._share:
            with suppress(LookupError):
                return replace(self._baseline.sample(rng), lane=BASELINE)
        try:
            return self._search.sample(rng)
        except LookupError:
            return replace(self._baseline.sample(rng), lane=BASELINE)
