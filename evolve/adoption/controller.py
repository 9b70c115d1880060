"""The controller of a lineage of adopted programs: a state machine without I/O, which hears what the journal holds.

A trial that is ahead on the reusable pairs of the search is a candidate. The best one is frozen and confirmed on fresh
pairs by the gate; then it is rejected, or adopted, or a person is asked. Who is adopted proposes a share of the trials
first, and is promoted or rolled back.

    candidate -> confirming -> rejected
                     |-> asked -> rejected
                     |     |
                     '-----'-> adopted -> promoted
                                  '-> rolled back

How a search takes it in: tell it every trial, live and in replay, as all that learns; give `fold` its own events in
their places in the journal, those that are new after they were written; and while there is room, run what `next` says.
Everything follows from these in their order, so a run that was killed anywhere has the same reference when it is taken
up again. What `tell` and `fold` return is to be said, and kept in commits (`evolve.adoption.report`).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from evolve.adoption.canary import Canary
from evolve.adoption.candidates import Candidates
from evolve.adoption.confirmation import Confirmation, fresh
from evolve.adoption.policy import Policy
from evolve.adoption.records import (
    Adopted,
    Kind,
    Pair,
    Question,
    Review,
    Transition,
    decode_outcome,
    decode_pair,
    decode_review,
)
from evolve.adoption.safety import (
    accelerating,
    collapse,
    drift,
    jump,
    large_change,
    large_gain,
    objective_changed,
    perfect,
    rate,
)
from evolve.errors import RunDamaged, TaskError
from evolve.gates.sequential import Evidence, Verdict
from evolve.scaffolds import REFERENCE
from evolve.types import Status, Trial

__all__ = ["Adoption", "Transitions"]

_SEARCHED = 1000
"""Seeds that a search counts its own evaluations with; no pair has one of them."""

Transitions = tuple[Transition, ...]


class Adoption:
    """Which program is the adopted one. `seed` is the run's. Nothing is confirmed before the objective is pinned.

    `adopted` is the reference, None before the seed program was told; `history` are the adoptions that stand. At most
    one of `confirming`, `question` and `canary` is there. `confirmations` counts those that were started.
    """

    def __init__(self, policy: Policy, *, seed: int) -> None:
        self.policy = policy
        self.seed = seed
        self.adopted: Trial | None = None
        self.history: tuple[Adopted, ...] = ()
        self.confirming: Confirmation | None = None
        self.question: Question | None = None
        self.canary: Canary | None = None
        self.closed = False
        self.confirmations = 0
        self.objective = ""
        self._previous: Trial | None = None
        self._asking: Confirmation | None = None
        self._candidates = Candidates(policy.lines_most)
        self._trees: dict[int, str] = {}
        self._fitness: dict[int, float] = {}
        self._used = set(range(_SEARCHED))
        self._now = 0
        self._started = 0

    def reference(self, number: int) -> int:
        """The number of the trial whose program is to propose trial `number`, if it is asked for now."""
        return self.proposer(number).number

    def proposer(self, number: int) -> Trial:
        """That trial. Raises `LookupError` before the seed program was told."""
        if self.adopted is None:
            raise LookupError("nothing is adopted before the seed program was told")
        if self.canary is not None and not self.canary.takes(number):
            assert self._previous is not None
            return self._previous
        return self.adopted

    def next(self, running: Collection[Pair] = ()) -> Pair | None:
        """The pair to run next, besides those that are `running`; None while there is nothing to confirm.

        It may be asked for as many as there is room for. Those that are running when it is decided are wasted.
        """
        return self.confirming.next(running) if self.confirming is not None else None

    def tell(self, trial: Trial) -> Transitions:
        """Learn of a trial, whatever its status, the seed first. One whose evaluation was corrected is told again.

        Raises `RunDamaged` when its program is another one than before: what is confirmed is frozen.
        """
        tree, known = trial.program.tree, self._trees.get(trial.number)
        if known not in {None, tree}:
            raise RunDamaged(f"trial {trial.number} has the tree {tree}, and had {known} when it was told before")
        self._trees[trial.number] = tree
        self._now = max(self._now, trial.number)
        said = list(self._watch(trial) if known is None else ())
        if trial.fitness is not None:
            self._fitness[trial.number] = trial.fitness
        if self._previous is not None and trial.number == self._previous.number:
            self._previous = trial
        self._candidates.forget(trial.number)
        if self.adopted is None or trial.number == self.adopted.number:
            self.adopted = trial
        elif trial.evaluation.status is Status.OK and (problem := self._candidates.tell(trial, self.adopted)):
            said.append(self._transition("refused", trial, reasons=(problem,)))
        return (*said, *self._begin())

    def fold(self, event: Mapping[str, Any]) -> Transitions:
        """Take an event of its own.

        Raises `TaskError` when the evaluator has changed, `RunDamaged` for an event that cannot be.
        """
        try:
            return (*self._fold(event), *self._begin())
        except (LookupError, TypeError, ValueError) as error:
            raise RunDamaged(f"the journal contradicts itself at {str(event)[:200]}: {error!r}") from error

    def review_problem(self, number: int) -> str:
        """Why no person's answer about trial `number` is taken now, "" when one is."""
        if self.question is not None:
            return "" if self.question.number == number else f"it is trial {self.question.number} that is asked about"
        if self.canary is not None:
            return "" if self.canary.number == number else f"it is trial {self.canary.number} that is on trial"
        return "nothing is asked: no change waits for a person, and none is a canary"

    def _fold(self, event: Mapping[str, Any]) -> Transitions:
        kind = event["what"]
        if kind == "objective":
            self.objective = self.objective or event["tree"]
            if problem := objective_changed(self.objective, event["tree"]):
                raise TaskError(problem)
            return ()
        if kind == "pair":
            return self._scored(event)
        if kind == "review":
            return self._reviewed(decode_review(event))
        raise ValueError(f"{kind!r} is no event of an adoption")

    def _begin(self) -> Transitions:
        """Start a confirmation when one is due."""
        policy = self.policy
        busy = not self.objective or self.confirming or self.question or self.canary or self.closed
        if busy or self._now - self._started < policy.every or self.adopted is None:
            return ()
        if rate(self.history, self._now, most=policy.adoptions_most, window=policy.adoptions_window):
            return ()
        if (candidate := self._candidates.take(self.adopted)) is None:
            return ()
        self._started = self._now
        self.confirmations += 1
        drawn = fresh(self.seed, self.confirmations, self.adopted.program, candidate.trial.program, self._used)
        draws = tuple(itertools.islice(drawn, policy.gate.rounds))
        self._used.update(draw >> 1 for draw in draws)
        self.confirming = Confirmation(
            draws=draws,
            incumbent=self.adopted,
            challenger=candidate.trial,
            change=candidate.change,
            screened=candidate.screened,
            evidence=Evidence(policy.gate, self.confirmations),
        )
        return (self._transition("confirming", candidate.trial, of=self.confirming),)

    def _scored(self, event: Mapping[str, Any]) -> Transitions:
        pair, outcome = decode_pair(event), decode_outcome(event)
        if self.confirming is None or pair.confirmation < self.confirming.number:
            if not 1 <= pair.confirmation <= self.confirmations:
                raise ValueError(f"confirmation {pair.confirmation} was never started")
            return ()  # it was running when its confirmation was decided
        done = self.confirming.tell(pair, outcome)
        self.confirming = done
        if done.evidence.verdict is Verdict.CONTINUE:
            return ()
        self.confirming = None
        return self._decided(done)

    def _decided(self, done: Confirmation) -> Transitions:
        drifted = drift(done.screened, done.evidence)
        number = done.challenger.number
        if done.evidence.verdict.rejects:
            rejected = self._transition("rejected", done.challenger, of=done)
            if not drifted:
                return (rejected,)
            self.question = Question(number=number, about="going on", reasons=(drifted,))
            return rejected, self._transition("asked", done.challenger, reasons=(drifted,), of=done)
        found = (
            large_change(done.change, self.policy.lines_asked),
            large_gain(done.evidence, self.policy.gain_asked),
            drifted,
            jump(done.evidence, self.history),
            perfect(done.outcomes),
            collapse(done.outcomes),
            accelerating(self.history, done.change, self._now),
        )
        if reasons := tuple(reason for reason in found if reason):
            self.question = Question(number=number, about="adopting", reasons=reasons)
            self._asking = done
            return (self._transition("asked", done.challenger, reasons=reasons, of=done),)
        return self._adopt(done)

    def _adopt(self, done: Confirmation, review: Review | None = None) -> Transitions:
        challenger, self._previous = done.challenger, self.adopted
        adopted = Adopted(
            number=challenger.number,
            before=done.incumbent.number,
            at=self._now,
            lines=done.change.lines,
            gain=done.evidence.mean,
        )
        self.adopted, self.history = challenger, (*self.history, adopted)
        if (share := self.policy.canary) is not None:
            begins = self._now // share.every + 1
            self.canary = Canary(
                share=share, seed=self.seed, number=adopted.number, before=adopted.before, begins=begins
            )
        return (self._transition("adopted", challenger, of=done, review=review),)

    def _watch(self, trial: Trial) -> Transitions:
        """What a trial says of the canary, if there is one."""
        if self.canary is None:
            return ()
        reference = trial.note.get(REFERENCE)
        parent = self._fitness.get(trial.parents[0]) if trial.parents else None
        better = trial.fitness is not None and parent is not None and trial.fitness > parent
        valid = trial.evaluation.status is Status.OK
        self.canary = self.canary.tell(trial.number, reference, valid=valid, better=better)
        if self.canary.verdict == "promote":
            return self._promote()
        return self._roll_back(self.canary.reason) if self.canary.verdict == "roll back" else ()

    def _promote(self, review: Review | None = None) -> Transitions:
        self.canary = None
        return (self._transition("promoted", self._incumbent, review=review),)

    def _roll_back(self, reason: str, review: Review | None = None) -> Transitions:
        bad, self.adopted, self.canary = self._incumbent, self._previous, None
        self.history = self.history[:-1]
        return (self._transition("rolled back", bad, reasons=(reason,), review=review),)

    def _reviewed(self, review: Review) -> Transitions:
        if problem := self.review_problem(review.number):
            raise ValueError(problem)
        if (question := self.question) is None:
            return self._promote(review) if review.approve else self._roll_back("a person rolled it back", review)
        done, self.question, self._asking = self._asking, None, None
        if question.about == "going on":
            self.closed = not review.approve
            number = question.number
            return (
                Transition(
                    kind="going on" if review.approve else "closed",
                    number=number,
                    tree=self._trees[number],
                    adopted=self._incumbent.number,
                    at=self._now,
                    review=review,
                ),
            )
        assert done is not None
        if review.approve:
            return self._adopt(done, review)
        return (self._transition("rejected", done.challenger, of=done, review=review),)

    @property
    def _incumbent(self) -> Trial:
        assert self.adopted is not None
        return self.adopted

    def _transition(
        self,
        kind: Kind,
        trial: Trial,
        *,
        reasons: tuple[str, ...] = (),
        of: Confirmation | None = None,
        review: Review | None = None,
    ) -> Transition:
        return Transition(
            kind=kind,
            number=trial.number,
            tree=trial.program.tree,
            adopted=self._incumbent.number,
            at=self._now,
            reasons=reasons,
            change=of.change if of is not None else None,
            screened=of.screened if of is not None else None,
            evidence=of.evidence if of is not None else None,
            review=review,
        )
