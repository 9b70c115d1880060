"""Apart: a lane has a proposer of its own, which knows of nothing else."""

from __future__ import annotations

from evolve.types import Context, Plan, Proposer, Selection, Trial

__all__ = ["Apart"]


class Apart:
    """Has `own` propose in one lane and hear of its trials alone, and `proposer` everywhere else, of all others.

    So what a search has learned, and shows models, does not help the baseline that it is compared with, nor the other
    way round. The seed is both's.
    """

    def __init__(self, lane: str, own: Proposer, proposer: Proposer) -> None:
        self._lane, self._own = lane, own
        self.proposer = proposer

    def plan(self, selection: Selection, context: Context) -> Plan:
        """What the lane's proposer proposes."""
        return (self._own if selection.lane == self._lane else self.proposer).plan(selection, context)

    def tell(self, trial: Trial) -> None:
        """Tells the one whose trial it is; both of the seed."""
        if trial.lane == self._lane or not trial.parents:
            self._own.tell(trial)
        if trial.lane != self._lane:
            self.proposer.tell(trial)
