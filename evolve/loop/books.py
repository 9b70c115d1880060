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

    def fold(self, event: Event) -> None:
        """Take an event that the journal holds."""
        if event["event"] == "opened":
            self._budget.limits = event["limits"]
            self._budget.seconds = event.get("seconds")
        elif event["event"] == "unsettled":
            self._budget.hold("before", event["amounts"])
        elif event["event"] == "ledger":
            self._lineage.ledger(self._totals(event.get("unsettled", {})))

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

    def cut_ledger(self) -> None:
        """Make a commit of the ledger, whatever has come together for it."""
        unsettled = self._budget.unsettled()
        self._journal.append({"event": "ledger", **({"unsettled": unsettled} if unsettled else {})})
        self._lineage.ledger(self._totals(unsettled))

    def complete_ledger(self) -> None:
        """The same, if the last one lacks something."""
        said = self._lineage.budget
        if self._lineage.unledgered or (said and said != self._totals(self._budget.unsettled())):
            self.cut_ledger()

    def close(self, reason: str) -> None:
        """A session ends with everything in its place."""
        self.complete_ledger()
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

    def _totals(self, unsettled: Mapping[str, int]) -> dict[str, Any]:
        """What the ledger says of the budget: what trials took, and what was used that no trial tells of, such as calls
        that evaluations made. Nothing that is measured, and no answer that was lost, which no other run would lose."""
        return {
            **self._limits(),
            "spent": dict(self._budget.spent),
            **({"unsettled": dict(unsettled)} if unsettled else {}),
        }

    def _limits(self) -> dict[str, Any]:
        seconds = self._budget.seconds
        return {"limits": dict(self._budget.limits), **({"seconds": seconds} if seconds is not None else {})}

    def clock(self) -> dict[str, float]:
        """The time that the run has worked, as events say it."""
        return {"elapsed": round(time.monotonic() - self._begun, 3)}
