"""Woven: a proposer for structures, and the tuner for their literals."""

from __future__ import annotations

from evolve.types import Context, Plan, Proposer, Selection, Trial

__all__ = ["Woven"]


class Woven:
    """Has the tuner propose where the selection wishes for it, and `proposer` everywhere else. Tells both."""

    def __init__(self, proposer: Proposer, tuner: Proposer) -> None:
        self.proposer, self._tuner = proposer, tuner

    def plan(self, selection: Selection, context: Context) -> Plan:
        """What the one that is wished for proposes."""
        return (self._tuner if selection.operator == "tuner" else self.proposer).plan(selection, context)

    def tell(self, trial: Trial) -> None:
        """Tells both."""
        self.proposer.tell(trial)
        self._tuner.tell(trial)
