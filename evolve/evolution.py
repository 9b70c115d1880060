"""The loop: ask, propose, evaluate, tell.

Steady state: as long as the budget can be reserved, trials are in flight, each on a thread of its own for its proposal
and then for its evaluation. Everything that decides or learns (sampling, reserving, duplicate checks, journal, `tell`,
commits) happens here on the loop thread alone, in the order of the journal. Resume folds the journal, and the same
`learners` hear of its trials as of the live loop's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from evolve.budget import Budget
from evolve.errors import (
    BudgetSpent,
    EvolveError,
    Fault,
    Interrupted,
    ModelFault,
    PluginError,
    RunDamaged,
    SandboxFault,
    SeedError,
)
from evolve.fingerprint import fingerprint
from evolve.journal import Event, Journal, Replay, encode_evaluation, encode_proposal, finish
from evolve.learners import Learners
from evolve.lineage import LEDGER_EVERY, Lineage
from evolve.models.evaluations import evaluating
from evolve.models.meter import Meter
from evolve.plugins import broken, chosen, planned
from evolve.regions import Regions
from evolve.types import (
    Archive,
    Context,
    Evaluation,
    Evaluator,
    Gate,
    Json,
    Plan,
    Program,
    Proposal,
    Proposer,
    Selection,
    Status,
    Trial,
    Tuning,
    Usage,
)

__all__ = ["Evolution", "Outcome"]

_SAMPLE, _PROPOSE = 0, 1
"""Purposes of random numbers, so that sampler and proposer never draw the same ones."""

_SELECTED = ("parents", "inspirations", "lane", "operator")

_CHECKPOINT_SECONDS = 1.0

_UNANSWERED_IN_A_ROW = 5
"""Trials without an answer after which it is not for what they asked."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a session ended: `reason` is the budget's resource that ran out, or "interrupted"."""

    reason: str
    seed: Trial
    best: Trial
    told: int


@dataclass(slots=True)
class _Pending:
    """A trial in flight: asked for, perhaps proposed, not told."""

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


@dataclass
class Evolution:
    """One search. Every setting is a keyword argument.

    Args:
        seed_program: what the search starts from; trial 0.
        seed: of all random numbers.
        workers: evaluations at a time.
        in_flight: trials at a time, proposals included. With 1 the same seed gives the same commits.
        proposals: proposals at a time, where that is less than `in_flight`.
        reservation: what a trial may use at most, per resource of the budget.
        attempts: how often a proposal that cost nothing is drawn again when it is a duplicate.
        patience: seconds between tries after a `Fault`; when they are used up the run stops.
        tuning: what the tuner tries while evaluators have nothing else to do; with one trial in flight, before the next
            proposal. Its trials count as evaluations and not as trials.
        gate: what decides, beside the search, which program is adopted. Its work goes first, and takes half of the
            workers at most; with one trial in flight it is done between trials.
        meter: how proposers ask models; what they used is the meter's to say, not theirs.
        once: scores a program for a proposal that asks before it proposes; without it none may.
        stop_when_stalled: ask for nothing more when the archive says that nothing helps, in its attribute `stalled`.
        on_stall: hears what it says, the first time.
        on_trial: hears each trial told in this session.
        opened: what else the journal says of this session's beginning.

    `learners` know what was told, and `held_out` holds the held-out evaluations by trial number.
    """

    seed_program: Program
    journal: Journal
    lineage: Lineage
    archive: Archive
    proposer: Proposer
    evaluator: Evaluator
    budget: Budget
    regions: Regions
    seed: int = 0
    workers: int = 1
    in_flight: int = 1
    proposals: int | None = None
    reservation: Mapping[str, int] = field(default_factory=lambda: {"trials": 1, "evaluations": 1})
    attempts: int = 8
    patience: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    tuning: Tuning | None = None
    gate: Gate | None = None
    meter: Meter | None = None
    once: Callable[[Program], Evaluation] | None = None
    stop_when_stalled: bool = False
    on_stall: Callable[[str], None] = lambda _: None
    on_trial: Callable[[Trial], None] = lambda _: None
    opened: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.learners = Learners(
            self.budget,
            self.meter,
            self.archive,
            self.proposer,
            self.evaluator,
            self.lineage,
            apart="" if self.tuning is None else "tuner",
            gate=self.gate,
        )
        self.held_out: dict[int, Evaluation] = {}
        self._live: Executor | None = None
        self._seen: dict[bytes, int] = {}
        self._next = 0
        self._pending: dict[int, _Pending] = {}
        self._futures: dict[Future[Any], _Pending] = {}
        self._judging: dict[Future[Mapping[str, Json]], int] = {}
        self._judged = 0
        self._short = ""
        self._stalled = False
        self._unanswered = 0
        self._again: list[tuple[_Pending, int]] = []
        self._halt = threading.Event()
        self._stop_reason = ""
        self._begun = time.monotonic() - self.budget.elapsed
        self._last_checkpoint = 0.0
        self._shown: str | None = None

    @property
    def best(self) -> Trial | None:
        """The best trial told so far, with what races have corrected; None before there is one with a score."""
        return self.learners.best

    def stop(self, reason: str) -> None:
        """Begin nothing more; what is in flight is left for `resume`. May be called from any thread or signal."""
        self._stop_reason = self._stop_reason or reason
        self._halt.set()

    def replay(
        self, events: Iterable[Event], *, unfinished: Collection[int], witness: Callable[[str], None] | None = None
    ) -> None:
        """Learn again what the journal says, and take up the trials that were in flight.

        `unfinished` are their numbers, for which the proposer plans again when their turn comes, knowing what it knew.
        With a `witness` every selection and every proposal is made again, and it hears of each that is not the one in
        the journal; the journal's is what counts.

        Raises `RunDamaged` when the journal contradicts itself.
        """
        replay = Replay(self.learners.program)
        if self.meter is not None:
            self.meter.take_up()
        self.lineage.begin_replay()
        for event in events:
            if witness is not None:
                self._compare(event, witness)
            self._replay_event(replay, event, unfinished if witness is None else {event.get("number", -1)})
        self.lineage.end_replay()
        self.held_out = replay.held_out
        self.budget.elapsed = max(self.budget.elapsed, replay.elapsed)
        self._begun = time.monotonic() - self.budget.elapsed
        if 0 in replay.proposed:  # nobody asks for the seed
            self._pending[0] = _Pending(0, None)
        for number, pending in self._pending.items():
            pending.proposal = replay.proposed.get(number)
            if pending.proposal is not None and not pending.proposal.rejected:
                known = self._seen.get(fingerprint(pending.proposal.program), number)
                pending.duplicate_of = known if known != number else None

    def _compare(self, event: Event, witness: Callable[[str], None]) -> None:
        """Make again what an event says was made, before it is folded."""
        kind, number = event["event"], event.get("number", -1)
        if kind == "asked":
            selection = self._selection_now(event)
            if _selected(selection) != {name: event[name] for name in _SELECTED if name in event}:
                witness(f"trial {number}: the archive selects {_selected(selection)} now")
        elif kind in {"duplicate", "proposed"} and (pending := self._pending.get(number)) and pending.plan is not None:
            try:
                proposal = pending.plan()
            except ModelFault:
                proposal = _unanswered(pending)
            except RunDamaged:
                witness(f"trial {number}: it asks its model something else now")
                return
            proposal = self._final(pending, proposal)
            if kind == "duplicate":
                if self._seen.get(fingerprint(proposal.program)) != event["of"]:
                    witness(f"trial {number}: its proposal {event['attempt'] + 1} is no duplicate of {event['of']} now")
                return
            base = self.learners.program(proposal.parents[0])
            now = encode_proposal(proposal, base)
            before = {name: value for name, value in event.items() if name not in {"event", "number", "fingerprint"}}
            if differs := sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name)):
                witness(f"trial {number}: its proposal differs in {', '.join(differs)}")

    def _selection_now(self, asked: Event) -> Selection:
        """What would be selected in the place of what the event says."""
        if self.tuning is not None and asked.get("operator") == "tuner":
            found = [self.tuning.next(final=final) for final in (False, True)]
            before = {name: asked[name] for name in _SELECTED if name in asked}
            found = [selection for selection in found if selection is not None and _selected(selection) == before]
            if found and found[0] is not None:
                return found[0]
        return chosen(self.archive, self._rng(asked["number"], _SAMPLE), asked["number"])

    def _replay_event(self, replay: Replay, event: Event, unfinished: Collection[int]) -> None:
        kind, number = event["event"], event.get("number", -1)
        if kind == "asked":
            pending = self._pending[number] = _Pending(number, self._selection(event, needed=number in unfinished))
            if self.tuning is not None and event.get("operator") == "tuner":
                self.tuning.asked(number, event["parents"][0])
            if number in unfinished:
                self._plan(pending)
        elif kind == "duplicate" and number in unfinished:
            pending = self._pending[number]
            pending.attempt = event["attempt"] + 1
            self._plan(pending)
        elif kind == "ledger":
            self.lineage.ledger(self._totals())
        elif kind == "gate":
            self._decide(event)
        elif kind == "opened":
            self.budget.limits = event["limits"]
            self.budget.seconds = event.get("seconds")
        elif kind == "proposed" and "fingerprint" in event:
            self._seen[bytes.fromhex(event["fingerprint"])] = number
        self._next = max(self._next, number + 1)
        trial = replay.fold(event)
        if trial is not None:
            self._pending.pop(number, None)
            self.learners.tell(trial)

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

    def run(self, evaluations: Executor | None = None, proposals: Executor | None = None) -> Outcome:
        """Search until the budget is used up or `stop` is called.

        Raises `SeedError` when the seed program has no score, `Interrupted` when `stop` came before it had one, `Fault`
        when the surroundings stay broken, `PluginError` when a proposer or an archive breaks its contract, and what an
        evaluator raises against its own; the run can be resumed after each of them.
        """
        self._evaluations = evaluations or ThreadPoolExecutor(self.workers, thread_name_prefix="evaluate")
        self._live = self._evaluations
        self._proposals = proposals or ThreadPoolExecutor(
            self.proposals or self.in_flight, thread_name_prefix="propose"
        )
        try:
            self.journal.append({"event": "opened", **self._limits(), **self.opened, **self._clock()})
            self._keep()
            self._begin()
            while self._fill():
                self._advance()
            reason = self._stop_reason or self._short or self.budget.shortage(self.reservation) or "nothing left to do"
            self._close_session(reason)
        except EvolveError as error:
            with suppress(EvolveError):  # the disk that failed, or the git that died, may do so again
                close = self._close_session if isinstance(error, SandboxFault | ModelFault) else self._stopped
                close(_reason(error))
            raise
        finally:
            # after a failure a thread may be deep in a call; it ends when the evaluator is closed
            self._halt.set()
            self._halt = threading.Event()
            self._evaluations.shutdown(wait=False, cancel_futures=True)
            self._proposals.shutdown(wait=False, cancel_futures=True)
        assert self.learners.seed is not None
        assert self.best is not None
        return Outcome(reason=reason, seed=self.learners.seed, best=self.best, told=self.learners.told)

    def _begin(self) -> None:
        """Score the seed, unless an earlier session did, and take up what that left in flight."""
        if self.learners.seed is None:
            pending = self._pending.setdefault(0, _Pending(0, None))
            self._next = 1
            if pending.proposal is None:
                proposal = Proposal(program=self.seed_program, parents=(), operator="seed", summary="Seed program")
                self._proposed(pending, proposal)
            else:
                self._carry_on(pending)
            while self._futures and not self._halt.is_set():
                self._advance()
        if self.learners.seed is None:
            raise Interrupted("stopped before the seed program was scored; resume scores it")
        if self.best is None:
            seed = self.learners.seed.evaluation
            raise SeedError(
                f"the seed program has no score, so there is nothing to improve ({seed.status}: {seed.feedback})"
            )
        self._take_up()

    def _take_up(self) -> None:
        """Go on with what is in flight, as far as the budget reaches: the rest is left for a session with more."""
        told: list[Trial] = []
        for pending in list(self._pending.values()):
            cost = self._cost(tunes=pending.tunes)
            if not self.budget.reserve(pending.number, cost):
                continue
            if pending.proposal is None:
                self._submit_proposal(pending)
            elif (trial := self._carry_on(pending)) is not None:
                told.append(trial)
        self._tell(told)

    def _fill(self) -> bool:
        """Ask for trials while there is room and budget; False when none is in flight any more."""
        self.budget.elapsed = time.monotonic() - self._begun
        while not self._halt.is_set() and (self._judge() or self._ask()):
            pass
        return bool(self._futures or self._judging) and not self._halt.is_set()

    def _judge(self) -> bool:
        """Begin a piece of the gate's work; False when there is no room for any, or nothing to do."""
        one_by_one = self.in_flight == 1
        if self.gate is None or (one_by_one and self._futures) or len(self._judging) >= max(1, self.workers // 2):
            return False
        most = {"evaluations": 2 * self.reservation.get("evaluations", 1)}
        if not self.budget.reserve(("gate", self._judged), most):
            return False
        work = self.gate.next()
        if work is None:
            self.budget.settle(("gate", self._judged), {})
            return False
        self._judging[self._evaluations.submit(self._patiently, work, self._halt)] = self._judged
        self._judged += 1
        return True

    def _heard(self, done: Collection[Future[Any]]) -> BaseException | None:
        """Journal what the gate's work gave, and have the gate hear of it. The first failure, if there is one."""
        failure: BaseException | None = None
        for future in sorted((future for future in done if future in self._judging), key=self._judging.__getitem__):
            key = ("gate", self._judging.pop(future))
            error = future.exception()
            if isinstance(error, BudgetSpent):
                self._short = self._short or error.resource
                self.budget.settle(key, {})
            elif error is not None:
                failure = failure or error
            else:
                event = future.result()
                self.journal.append(event)
                self.journal.sync()
                self._decide(event, key)
        return failure

    def hear(self, event: Mapping[str, Json]) -> None:
        """Have the gate hear, between sessions, of something that came from outside: a person's answer."""
        self.journal.append(event)
        self.journal.sync()
        self._decide(event)
        self._cut_ledger()  # so that a clone has heard of it, too

    def _decide(self, event: Mapping[str, Any], key: Hashable = None) -> None:
        """What follows from an event of the gate that the journal holds."""
        if self.gate is None:
            raise RunDamaged(
                "the journal has decisions about adopted programs, and this search has no gate to hear them"
            )
        self.budget.settle(key, {"evaluations": event.get("evaluations", 0)})
        self.lineage.note(event)
        self.gate.fold(event)

    def _ask(self) -> bool:
        """Ask for one more trial; False when there is no room for any."""
        self._look_for_stall()
        one_by_one = self.in_flight == 1
        if one_by_one and (self._futures or self._judging):
            return False
        if one_by_one and self._ask_tuner(final=False):
            return True
        if not self._short and self._room() and self.budget.reserve(self._next, self.reservation):
            number = self._next
            selection = chosen(self.archive, self._rng(number, _SAMPLE), number)
            self._asked(selection)
            return True
        over = bool(self._short) or self.budget.shortage(self.reservation) is not None
        return self._ask_tuner(final=over and not self._proposing())

    def _look_for_stall(self) -> None:
        said = str(getattr(self.archive, "stalled", ""))
        if said and not self._stalled:
            self.on_stall(said)
        self._stalled = bool(said)
        if said and self.stop_when_stalled:
            self._short = self._short or f"the search stalls: {said}"

    def _ask_tuner(self, *, final: bool) -> bool:
        """Have the tuner try something where an evaluator would have nothing to do."""
        if self.tuning is None or len(self._futures) - self._proposing() > self.workers:
            return False
        selection = self.tuning.next(final=final)
        if selection is None or not self.budget.reserve(self._next, self._cost(tunes=True)):
            return False
        self._asked(selection)
        return True

    def _cost(self, *, tunes: bool) -> Mapping[str, int]:
        """What a trial reserves."""
        if not tunes or self.tuning is None:
            return self.reservation
        return {name: amount for name, amount in self.reservation.items() if name != "trials"}

    def _asked(self, selection: Selection) -> None:
        number, self._next = self._next, self._next + 1
        self.journal.append({"event": "asked", "number": number, **_selected(selection)})
        pending = self._pending[number] = _Pending(number, selection)
        if self.tuning is not None and selection.operator == "tuner":
            self.tuning.asked(number, selection.parents[0].number)
        self._plan(pending)
        self._submit_proposal(pending)

    def _room(self) -> bool:
        """Whether one more may be proposed: neither pool is to have more waiting for it than it will soon take."""
        return len(self._futures) < self.in_flight and self._proposing() < (self.proposals or self.in_flight)

    def _proposing(self) -> int:
        return sum(pending.proposal is None and not pending.tunes for pending in self._futures.values())

    def _advance(self) -> None:
        """Take what has finished, in the order of asking, and carry it one step on."""
        done, _ = wait([*self._futures, *self._judging], timeout=0.1, return_when=FIRST_COMPLETED)
        told: list[Trial] = []
        failure = self._heard(done)
        for future in sorted(done & self._futures.keys(), key=lambda future: self._futures[future].number):
            pending = self._futures.pop(future)
            error = future.exception()
            if isinstance(error, BudgetSpent):
                self._run_out(pending, error)
                continue
            if error is not None and not self._given_up(pending, error):
                failure = failure or error
                continue
            result = _unanswered(pending) if error is not None else future.result()
            try:
                trial = (
                    self._proposed(pending, result)
                    if isinstance(result, Proposal)
                    else self._evaluated(pending, result)
                )
            except PluginError as error:
                failure = failure or error
                continue
            if trial is not None:
                told.append(trial)
        self._tell(told)
        for pending, duplicate_of in self._again:
            self._draw_again(pending, duplicate_of)
        self._again.clear()
        if failure is not None:
            raise failure

    def _tell(self, told: Sequence[Trial]) -> None:
        """Have trials that the journal holds on the disk, and then, and only then, learn of them."""
        if not told:
            return
        self.journal.sync()
        for trial in told:
            self.learners.tell(trial)
            self.on_trial(trial)
        self._keep()

    def _given_up(self, pending: _Pending, error: BaseException) -> bool:
        """Whether the trial ends because its model's answers are lost again and again, and the run goes on.

        The service may well answer others; one that is down says so with another fault.
        """
        if not isinstance(error, ModelFault) or not error.sent or pending.selection is None:
            return False
        self._unanswered += 1
        return self._unanswered < _UNANSWERED_IN_A_ROW

    def _run_out(self, pending: _Pending, error: BudgetSpent) -> None:
        """Ask for nothing more; what is in flight is carried to its end, and this trial stays for a larger budget."""
        self._short = self._short or error.resource
        self.budget.settle(pending.number, {})

    def _draw_again(self, pending: _Pending, duplicate_of: int) -> None:
        self.journal.append(
            {"event": "duplicate", "number": pending.number, "attempt": pending.attempt, "of": duplicate_of}
        )
        pending.attempt += 1
        self._plan(pending)
        self._submit_proposal(pending)

    def _plan(self, pending: _Pending) -> None:
        """Have the proposer decide: now, after the tells that the journal has before this ask, live and in replay."""
        assert pending.selection is not None
        rng = self._rng(pending.number, _PROPOSE, pending.attempt)
        context = Context(pending.number, rng, attempt=pending.attempt)
        if self.meter is not None:
            relay, base = self.meter.relay(pending.number), pending.selection.parents[0].program
            context = replace(context, ask=self.meter.asker(pending.number), relay=relay)
            if self.once is not None:
                context = replace(context, evaluate=evaluating(relay, partial(self._asked_for, self.once), base))
        pending.plan = planned(self.proposer, pending.selection, context)

    def _asked_for(self, once: Callable[[Program], Evaluation], program: Program) -> Evaluation:
        """On the thread of a proposal that asks for it: an evaluation, where and when others are made."""
        if self._live is None:  # a replay
            return once(program)
        return self._live.submit(self._patiently, partial(once, program), self._halt).result()

    def _submit_proposal(self, pending: _Pending) -> None:
        assert pending.plan is not None
        # what tunes asks nobody, and does not wait behind those who do
        pool = self._evaluations if pending.tunes and self.tuning is not None else self._proposals
        self._futures[pool.submit(pending.plan)] = pending

    def _proposed(self, pending: _Pending, proposal: Proposal) -> Trial | None:
        """Check a proposal. Valid and new: evaluate. A free duplicate: draw again. Else the trial ends here."""
        if unknown := [number for number in proposal.parents if not self.lineage.has(number)]:
            what = f"gave a proposal with the parent {unknown[0]}, which is no trial that was told"
            raise broken("proposer", self.proposer, f"asked for trial {pending.number}", what)
        proposal = self._final(pending, proposal)
        if self.meter is not None:
            self._unanswered = 0 if proposal.usage.calls else self._unanswered
        base = self.learners.program(proposal.parents[0]) if proposal.parents else None
        identity = b"" if proposal.rejected else fingerprint(proposal.program)
        duplicate_of = self._seen.get(identity)
        if duplicate_of is not None and proposal.usage == Usage() and pending.attempt + 1 < self.attempts:
            self._again.append((pending, duplicate_of))
            return None
        new = bool(identity) and duplicate_of is None
        self.journal.append(
            {
                "event": "proposed",
                "number": pending.number,
                **encode_proposal(proposal, base),
                **({"fingerprint": identity.hex()} if new else {}),
            }
        )
        if proposal.usage != Usage():
            self.journal.sync()
        if new:
            self._seen[identity] = pending.number
        pending.proposal, pending.duplicate_of = proposal, duplicate_of
        return self._carry_on(pending)

    def _final(self, pending: _Pending, proposal: Proposal) -> Proposal:
        """The proposal as it is kept: with the usage that the meter says, and without a program that is forbidden."""
        if self.meter is not None:
            proposal = replace(proposal, usage=self.meter.used(pending.number))
        base = self.learners.program(proposal.parents[0]) if proposal.parents else None
        if base is not None and (problem := proposal.rejected or self.regions.problem(proposal.program)):
            # what was forbidden is kept in words, not in the lineage
            proposal = replace(proposal, program=base, rejected=problem)
        return proposal

    def _carry_on(self, pending: _Pending) -> Trial | None:
        """Have a proposal evaluated; one that is not worth it ends the trial."""
        assert pending.proposal is not None
        if pending.proposal.rejected:
            return self._evaluated(pending, Evaluation(status=Status.REJECTED, feedback=pending.proposal.rejected))
        if pending.duplicate_of is not None:
            feedback = f"the same program as trial {pending.duplicate_of}"
            return self._evaluated(pending, Evaluation(status=Status.DUPLICATE, feedback=feedback))
        evaluate = partial(self.evaluator.evaluate, pending.proposal.program)
        self._futures[self._evaluations.submit(self._patiently, evaluate, self._halt)] = pending
        return None

    def _patiently(self, act: Callable[[], Answer], halt: threading.Event) -> Answer:
        """On a thread of a pool. A fault is never a score: try again, and give up by raising it."""
        for pause in self.patience:
            try:
                return act()
            except Fault:
                if halt.wait(pause):
                    raise
        return act()

    def afterwards(self, act: Callable[[], Answer]) -> Answer:
        """What `act` gives, done after `run` with the same patience. Raises `Interrupted` when `stop` is called."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="afterwards")
        try:
            future = pool.submit(self._patiently, act, self._halt)
            while not self._stop_reason:
                if wait([future], timeout=0.1).done:
                    return future.result()
            raise Interrupted("stopped before all was done that comes after a search; resume does it")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _evaluated(self, pending: _Pending, evaluation: Evaluation) -> Trial:
        assert pending.proposal is not None
        del self._pending[pending.number]
        trial = finish(
            pending.number,
            pending.proposal,
            evaluation,
            lane=pending.selection.lane if pending.selection else "",
            duplicate_of=pending.duplicate_of,
        )
        self.budget.elapsed = time.monotonic() - self._begun
        self.journal.append(
            {
                "event": "told",
                "number": trial.number,
                **({"duplicate_of": trial.duplicate_of} if trial.duplicate_of is not None else {}),
                **encode_evaluation(evaluation),
                **self._clock(),
            }
        )
        return trial

    def _keep(self) -> None:
        """Give the ledger and git what is due."""
        while self.lineage.unledgered >= LEDGER_EVERY:
            self._cut_ledger()
        now, best = time.monotonic(), self.best
        if now - self._last_checkpoint >= _CHECKPOINT_SECONDS:
            self._last_checkpoint = now
            if best is not None and best.program.tree != self._shown:
                self._show_best(best)
            else:
                self.lineage.checkpoint()

    def _show_best(self, best: Trial) -> None:
        if self.lineage.show(best.number, best.program.tree):
            self._shown = best.program.tree

    def _cut_ledger(self) -> None:
        self.journal.append({"event": "ledger"})
        self.lineage.ledger(self._totals())

    def _close_session(self, reason: str) -> None:
        if self.lineage.unledgered or self.lineage.noted:
            self._cut_ledger()
        self._stopped(reason)
        if self.best is not None:
            self._show_best(self.best)

    def _stopped(self, reason: str) -> None:
        self.journal.append({"event": "stopped", "reason": reason, **self._clock()})
        self.journal.sync()

    def _totals(self) -> dict[str, Any]:
        """What the ledger says of the budget; nothing that is measured."""
        return {**self._limits(), "spent": dict(self.budget.spent)}

    def _limits(self) -> dict[str, Any]:
        seconds = self.budget.seconds
        return {"limits": dict(self.budget.limits), **({"seconds": seconds} if seconds is not None else {})}

    def _clock(self) -> dict[str, float]:
        return {"elapsed": round(time.monotonic() - self._begun, 3)}

    def _rng(self, number: int, purpose: int, attempt: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.seed, number, purpose, attempt))


def _selected(selection: Selection) -> dict[str, Json]:
    """The fields of an `asked` event."""
    return {
        "parents": [trial.number for trial in selection.parents],
        **({"inspirations": [trial.number for trial in selection.inspirations]} if selection.inspirations else {}),
        **({"lane": selection.lane} if selection.lane else {}),
        **({"operator": selection.operator} if selection.operator else {}),
    }


def _unanswered(pending: _Pending) -> Proposal:
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


def _reason(error: EvolveError) -> str:
    """What the journal says of a session that an error ended."""
    if isinstance(error, Interrupted):
        return "interrupted"
    return f"fault: {error}" if isinstance(error, Fault) else str(error)
