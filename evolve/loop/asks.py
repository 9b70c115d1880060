"""How a trial comes to its program: asked for, planned, proposed. One way for live, replayed and made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evolve.errors import RunDamaged
from evolve.fingerprint import fingerprint
from evolve.journal import Event, Journal, encode_proposal
from evolve.loop.learners import Learners
from evolve.models.evaluations import evaluating
from evolve.plugins import broken, chosen, planned
from evolve.regions import Regions
from evolve.types import Context, Evaluation, Json, Plan, Program, Proposal, Selection, Tuning, Usage

__all__ = ["Asks", "Pending", "offered", "selected", "unanswered"]

_SAMPLE, _PROPOSE = 0, 1
"""Purposes of random numbers, so that sampler and proposer never draw the same ones."""

_SELECTED = ("parents", "inspirations", "lane", "operator")


@dataclass(slots=True)
class Pending:
    """A trial in flight: asked for, perhaps proposed, not told. Nobody asks for the seed: it has no selection."""

    number: int
    selection: Selection | None
    attempt: int = 0
    plan: Plan | None = None
    proposal: Proposal | None = None
    duplicate_of: int | None = None

    @property
    def tunes(self) -> bool:
        """Whether it is a point for the tuner to try."""
        return self.selection is not None and self.selection.operator == "tuner"


class Asks:
    """Asks archive, tuning and proposer, on the loop thread alone, and journals what they say.

    Args:
        learners: whom to ask, and who knows the trials told.
        tuning: hears what the tuner was asked for.
        once: scores a program for a proposal that asks for it, on the proposal's thread.
        seed: of all random numbers.
        attempts: how often a proposal that cost nothing is drawn again when it is a duplicate.

    `pending` has the trials in flight by number, in the order of asking; `next` is the number of the next one.
    """

    def __init__(
        self,
        journal: Journal,
        learners: Learners,
        regions: Regions,
        *,
        tuning: Tuning | None,
        once: Callable[[Program], Evaluation] | None,
        seed: int,
        attempts: int,
    ) -> None:
        self.learners, self.tuning = learners, tuning
        self.pending: dict[int, Pending] = {}
        self.next = 0
        self._journal, self._regions = journal, regions
        self._once, self._seed, self._attempts = once, seed, attempts
        self._proposed: dict[bytes, int] = {}

    def begin_seed(self) -> Pending:
        """Trial 0, which an earlier session may have begun."""
        self.next = 1
        return self.pending.setdefault(0, Pending(0, None))

    def sample(self, number: int) -> Selection:
        """What the archive offers for the trial of that number. Raises `PluginError`."""
        return chosen(self.learners.archive, self._rng(number, _SAMPLE), number)

    def ask(self, selection: Selection) -> Pending:
        """Begin the next trial, and have it planned. Raises `PluginError`."""
        event: Event = {"event": "asked", "number": self.next, **offered(selection)}
        self._journal.append(event)
        pending = self._begin(event, selection)
        self._plan(pending)
        return pending

    def accept(self, pending: Pending, proposal: Proposal) -> bool:
        """Keep a proposal as the pending trial's; False for a duplicate that cost nothing, and that is drawn again.

        Raises `PluginError` when its parents are none.
        """
        learners = self.learners
        if unknown := [number for number in proposal.parents if not learners.lineage.has(number)]:
            what = f"gave a proposal with the parent {unknown[0]}, which is no trial that was told"
            raise broken("proposer", learners.proposer, f"asked for trial {pending.number}", what)
        proposal = self.final(pending, proposal)
        identity = b"" if proposal.rejected else fingerprint(proposal.program)
        pending.duplicate_of = self._proposed.get(identity)
        if pending.duplicate_of is not None and proposal.usage == Usage() and pending.attempt + 1 < self._attempts:
            return False
        new = bool(identity) and pending.duplicate_of is None
        self._journal.append(
            {
                "event": "proposed",
                "number": pending.number,
                **encode_proposal(proposal, self._base(proposal)),
                **({"fingerprint": identity.hex()} if new else {}),
            }
        )
        if proposal.usage != Usage():
            self._journal.sync()
        if new:
            self._proposed[identity] = pending.number
        pending.proposal = proposal
        return True

    def draw_again(self, pending: Pending) -> None:
        """Have a trial planned anew whose proposal was a duplicate. Raises `PluginError`."""
        event: Event = {
            "event": "duplicate",
            "number": pending.number,
            "attempt": pending.attempt,
            "of": pending.duplicate_of,
        }
        self._journal.append(event)
        self._again(pending, event)

    def final(self, pending: Pending, proposal: Proposal) -> Proposal:
        """The proposal as it is kept: with the usage that the meter says, and without a program that is forbidden."""
        if self.learners.meter is not None:
            proposal = replace(proposal, usage=self.learners.meter.used(pending.number))
        base = self._base(proposal)
        if base is not None and (problem := proposal.rejected or self._regions.problem(proposal.program)):
            # what was forbidden is kept in words, not in the lineage
            proposal = replace(proposal, program=base, rejected=problem)
        return proposal

    def proposed_as(self, program: Program) -> int | None:
        """The first trial with that program, or one that differs in its formatting alone."""
        return self._proposed.get(fingerprint(program))

    def fold(self, event: Event, *, plan: bool) -> None:
        """Take an event that the journal holds. With `plan` its trial is planned again, knowing what was known then.

        Raises `RunDamaged` when a trial to be planned has no parents.
        """
        kind, number = event["event"], event.get("number", -1)
        # commits do not tell when a trial was asked for, so in the journal of a clone it may begin with its proposal
        self.next = max(self.next, number + 1)
        if kind == "asked":
            pending = self._begin(event, self._selection(event, needed=plan))
            if plan:
                self._plan(pending)
        elif kind == "duplicate" and plan:
            self._again(self.pending[number], event)
        elif kind == "proposed" and "fingerprint" in event:
            self._proposed[bytes.fromhex(event["fingerprint"])] = number
        elif kind == "told":
            self.pending.pop(number, None)

    def take_up(self, proposed: Mapping[int, Proposal]) -> None:
        """Go on, after all was folded, with what was proposed for trials that were not told."""
        if 0 in proposed:
            self.begin_seed()
        for number, pending in self.pending.items():
            pending.proposal = proposed.get(number)
            if pending.proposal is not None and not pending.proposal.rejected:
                known = self.proposed_as(pending.proposal.program)
                pending.duplicate_of = known if known != number else None

    def _begin(self, asked: Event, selection: Selection | None) -> Pending:
        number = asked["number"]
        self.next = max(self.next, number + 1)
        pending = self.pending[number] = Pending(number, selection)
        if self.tuning is not None and asked.get("operator") == "tuner":
            self.tuning.asked(number, asked["parents"][0])
        return pending

    def _plan(self, pending: Pending) -> None:
        """Have the proposer decide: now, after the tells that the journal has before this ask, live and in replay."""
        assert pending.selection is not None
        rng = self._rng(pending.number, _PROPOSE, pending.attempt)
        context = Context(pending.number, rng, attempt=pending.attempt)
        if (meter := self.learners.meter) is not None:
            relay, base = meter.relay(pending.number), pending.selection.parents[0].program
            context = replace(context, ask=meter.asker(pending.number), relay=relay)
            if self._once is not None:
                context = replace(context, evaluate=evaluating(relay, self._once, base))
        pending.plan = planned(self.learners.proposer, pending.selection, context)

    def _again(self, pending: Pending, duplicate: Event) -> None:
        pending.attempt = duplicate["attempt"] + 1
        self._plan(pending)

    def _selection(self, asked: Event, *, needed: bool) -> Selection | None:
        try:
            return Selection(
                parents=tuple(self.learners.trial(number) for number in asked["parents"]),
                inspirations=tuple(self.learners.trial(number) for number in asked.get("inspirations", ())),
                lane=asked.get("lane", ""),
                operator=asked.get("operator", ""),
            )
        except KeyError as error:
            if not needed:  # commits do not tell when a trial was asked for, and by its tell a parent may be forgotten
                return None
            raise RunDamaged(f"trial {asked['number']} was asked for with parents that no archive holds") from error

    def _base(self, proposal: Proposal) -> Program | None:
        return self.learners.program(proposal.parents[0]) if proposal.parents else None

    def _rng(self, number: int, purpose: int, attempt: int = 0) -> np.random.Generator:
        return np.random.default_rng((self._seed, number, purpose, attempt))


def offered(selection: Selection) -> dict[str, Json]:
    """A selection as an `asked` event has it."""
    return {
        "parents": [trial.number for trial in selection.parents],
        **({"inspirations": [trial.number for trial in selection.inspirations]} if selection.inspirations else {}),
        **({"lane": selection.lane} if selection.lane else {}),
        **({"operator": selection.operator} if selection.operator else {}),
    }


def selected(asked: Event) -> dict[str, Json]:
    """What of an `asked` event is its selection."""
    return {name: asked[name] for name in _SELECTED if name in asked}


def unanswered(pending: Pending) -> Proposal:
    """What becomes of a trial whose model's answers were lost; the transcript says how."""
    assert pending.selection is not None
    parent = pending.selection.parents[0]
    return Proposal(
        program=parent.program,
        parents=(parent.number,),
        operator="none",
        summary="No answer of the model came",
        rejected="the model was asked, more than once, and no answer came",
    )
