"""A replay's witness: makes again what the journal says was made, and compares."""

from __future__ import annotations

from collections.abc import Callable

from evolve.errors import BudgetSpent, ModelFault, RunDamaged
from evolve.journal import Event, encode_proposal
from evolve.loop.asks import Asks, Pending, offered, selected, unanswered
from evolve.types import Selection

__all__ = ["Witness"]


class Witness:
    """Sees each event before it is folded, and says in a sentence what comes out otherwise now."""

    def __init__(self, asks: Asks, say: Callable[[str], None]) -> None:
        self._asks, self._say = asks, say

    def see(self, event: Event) -> None:
        """Make again what the event says was made. Its trial was planned again, if it was asked for at all."""
        kind, number = event["event"], event.get("number", -1)
        if kind == "asked":
            self._compare_selection(event)
        elif kind in {"duplicate", "proposed"} and (pending := self._asks.pending.get(number)) is not None:
            self._compare_proposal(event, pending)

    def _compare_selection(self, asked: Event) -> None:
        now = offered(self._selection(asked))
        if now != selected(asked):
            self._say(f"trial {asked['number']}: the archive selects {now} now")

    def _selection(self, asked: Event) -> Selection:
        """What would be selected in the place of what the event says."""
        if self._asks.tuning is not None and asked.get("operator") == "tuner":
            # whether a proposal was still to come then, the journal does not say
            for final in (False, True):
                tuned = self._asks.tuning.next(final=final)
                if tuned is not None and offered(tuned) == selected(asked):
                    return tuned
        return self._asks.sample(asked["number"])

    def _compare_proposal(self, event: Event, pending: Pending) -> None:
        number, asks = pending.number, self._asks
        assert pending.plan is not None
        try:
            proposal = pending.plan()
        except ModelFault:
            proposal = unanswered(pending)
        except (BudgetSpent, RunDamaged):  # what is asked anew may have no room in what was spent
            self._say(f"trial {number}: it asks its model something else now")
            return
        proposal = asks.final(pending, proposal)
        if event["event"] == "duplicate":
            if asks.proposed_as(proposal.program) != event["of"]:
                self._say(f"trial {number}: its proposal {event['attempt'] + 1} is no duplicate of {event['of']} now")
            return
        now = encode_proposal(proposal, asks.learners.program(proposal.parents[0]))
        before = {name: value for name, value in event.items() if name not in {"event", "number", "fingerprint"}}
        if differs := sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name)):
            self._say(f"trial {number}: its proposal differs in {', '.join(differs)}")
