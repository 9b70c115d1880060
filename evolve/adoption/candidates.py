"""Trials that may be confirmed: those that are ahead of the incumbent on the reusable pairs of the search."""

from __future__ import annotations

from dataclasses import dataclass

from evolve.adoption.records import Change, Screened
from evolve.adoption.safety import change_between, screen, too_large
from evolve.types import Trial

__all__ = ["Candidate", "Candidates"]

_KEPT = 16
"""How many wait; those that are least ahead go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A challenger as it is when its confirmation starts."""

    trial: Trial
    screened: Screened
    change: Change


class Candidates:
    """Who waits for a confirmation, none of whom changes more than `lines_most` lines."""

    def __init__(self, lines_most: int) -> None:
        self.lines_most = lines_most
        self._waiting: dict[int, Trial] = {}
        self._tried: set[tuple[int, str]] = set()

    def forget(self, number: int) -> None:
        """What was known of a trial no longer holds."""
        self._waiting.pop(number, None)

    def bar(self, incumbent: Trial, trial: Trial) -> None:
        """The two have met, and are not to meet again."""
        self._tried.add((incumbent.number, trial.program.tree))

    def tell(self, trial: Trial, incumbent: Trial) -> str:
        """Learn of a trial that was scored. Says why it is refused, "" when it waits or is not ahead."""
        if not screen(incumbent, trial).ahead:
            return ""
        if problem := too_large(change_between(incumbent.program, trial.program), self.lines_most):
            return problem
        self._waiting[trial.number] = trial
        if len(self._waiting) > _KEPT:
            del self._waiting[min(self._waiting, key=lambda number: self._order(number, incumbent))]
        return ""

    def take(self, incumbent: Trial) -> Candidate | None:
        """The one that is ahead most, who waits no longer; None when nobody is.

        A trial was told when the incumbent may have been another one, so it is looked at anew.
        """
        while self._waiting:
            trial = self._waiting.pop(max(self._waiting, key=lambda number: self._order(number, incumbent)))
            screened, change = screen(incumbent, trial), change_between(incumbent.program, trial.program)
            tried = (incumbent.number, trial.program.tree) in self._tried
            if screened.ahead and not tried and not too_large(change, self.lines_most):
                self.bar(incumbent, trial)
                return Candidate(trial=trial, screened=screened, change=change)
        return None

    def _order(self, number: int, incumbent: Trial) -> tuple[float, int]:
        return screen(incumbent, self._waiting[number]).mean, -number
