"""What is kept of a session beside what it asked for: in the journal, in the ledger, and in the work tree."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from evolve.journal import Event, Journal, encode_evaluation
from evolve.lineage import LEDGER_EVERY
from evolve.loop.learners import Learners
from evolve.types import Json, Trial

__all__ = ["Books"]

_CHECKPOINT_SECONDS = 1.0


class Books:
    """Says when a session began and ended and when a trial was told, and gives git what is due.

    Its clock goes on where the last session's stopped; `tick` tells the budget what it shows.
    """

    def __init__(self, journal: Journal, learners: Learners) -> None:
        self._journal, self._learners = journal, learners
        self._budget, self._lineage = learners.budget, learners.lineage
        self._begun = time.monotonic() - learners.budget.elapsed
        self._last_checkpoint = 0.0
        self._shown = ""
        self._before: Mapping[str, int] = {}

    def fold(self, event: Event) -> None:
        """Take an event that the journal holds."""
        if event["event"] == "opened":
            self._budget.limits = event["limits"]
            self._budget.seconds = event.get("seconds")
        elif event["event"] == "unsettled":
            self._before = event["amounts"]
            self._budget.hold("before", self._before)
        elif event["event"] == "ledger":
            self._lineage.ledger({**self._totals(), **_beyond_trials(event)})

    def take_up(self, elapsed: float) -> None:
        """Go on, after all was folded, with the clock of the last session."""
        self._budget.elapsed = max(self._budget.elapsed, elapsed)
        self._begun = time.monotonic() - self._budget.elapsed

    def tick(self) -> None:
        """Let the budget know how late it is."""
        self._budget.elapsed = time.monotonic() - self._begun

    def open(self, said: Mapping[str, Json]) -> None:
        """A session begins; `said` is what else there is to say of that."""
        self._journal.append({"event": "opened", **self._limits(), **said, **self.clock()})

    def tell(self, trial: Trial) -> None:
        """A trial has ended. Nobody may learn of it before the journal was synced."""
        self.tick()
        self._journal.append(
            {
                "event": "told",
                "number": trial.number,
                **({"duplicate_of": trial.duplicate_of} if trial.duplicate_of is not None else {}),
                **encode_evaluation(trial.evaluation),
                **self.clock(),
            }
        )

    def keep(self) -> None:
        """Give the ledger and git what is due."""
        if self._lineage.unledgered >= LEDGER_EVERY:
            self.cut_ledger()
        now, best = time.monotonic(), self._learners.best
        if now - self._last_checkpoint >= _CHECKPOINT_SECONDS:
            self._last_checkpoint = now
            if best is not None and best.program.tree != self._shown:
                self._show(best)
            else:
                self._lineage.checkpoint()

    def cut_ledger(self, *, anew: bool = True) -> None:
        """Make a commit of the ledger, whatever has come together for it. Unless `anew`, what was used that no trial
        tells of is what the last one says: nothing was since, and nobody is here who knows."""
        beyond = self._unsettled() if anew else _beyond_trials(self._lineage.budget)
        self._journal.append({"event": "ledger", **beyond})
        self._lineage.ledger({**self._totals(), **beyond})

    def complete_ledger(self) -> None:
        """The same, if the last one lacks something."""
        said = self._lineage.budget
        if self._lineage.unledgered or (said and said != {**self._totals(), **self._unsettled()}):
            self.cut_ledger()

    def close(self, reason: str) -> None:
        """A session ends with everything in its place."""
        if self._lineage.unledgered:
            self.cut_ledger()
        self.stop(reason)
        if self._learners.best is not None:
            self._show(self._learners.best)

    def stop(self, reason: str) -> None:
        """A session ends, and the journal says why."""
        self._journal.append({"event": "stopped", "reason": reason, **self.clock()})
        self._journal.sync()

    def _show(self, best: Trial) -> None:
        if self._lineage.show(best.number, best.program.tree):
            self._shown = best.program.tree

    def _totals(self) -> dict[str, Any]:
        """What the ledger says of the budget and of what trials took. Nothing that is measured."""
        return {**self._limits(), "spent": dict(self._budget.spent)}

    def _unsettled(self) -> dict[str, Any]:
        """What it says of what was used that no trial tells of, such as calls that evaluations made, and what of that
        is older than the journal. No answer that was lost: no other run would lose it."""
        found = {"unsettled": self._budget.unsettled(), "before": dict(self._before)}
        return {name: amounts for name, amounts in found.items() if amounts}

    def _limits(self) -> dict[str, Any]:
        seconds = self._budget.seconds
        return {"limits": dict(self._budget.limits), **({"seconds": seconds} if seconds is not None else {})}

    def clock(self) -> dict[str, float]:
        """The time that the run has worked, as events say it."""
        return {"elapsed": round(time.monotonic() - self._begun, 3)}


def _beyond_trials(said: Mapping[str, Any]) -> dict[str, Any]:
    """What an event or a commit of the ledger says of what no trial tells of."""
    return {name: said[name] for name in ("unsettled", "before") if name in said}
