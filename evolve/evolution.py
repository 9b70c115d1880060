"""The loop: ask, propose, evaluate, tell.

Steady state: as long as the budget can be reserved, trials are in flight, each on a thread of its own for its proposal
and then for its evaluation. Everything that decides or learns (sampling, reserving, duplicate checks, journal, `tell`,
commits) happens here on the loop thread alone, in the order of the journal. Resume folds the journal, and the same
`learners` hear of its trials as of the live loop's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from evolve.budget import Budget
from evolve.errors import BudgetSpent, EvolveError, Fault, Interrupted, ModelFault, SandboxFault, SeedError
from evolve.journal import Event, Journal, Replay
from evolve.lineage import Lineage
from evolve.loop.asks import Asks
from evolve.loop.books import Books
from evolve.loop.flights import Flights
from evolve.loop.judging import Judging
from evolve.loop.learners import Learners
from evolve.loop.pools import Pools
from evolve.loop.witness import Witness
from evolve.models.meter import Meter
from evolve.regions import Regions
from evolve.types import (
    Archive,
    Evaluation,
    Evaluator,
    Gate,
    Json,
    Program,
    Proposal,
    Proposer,
    Selection,
    Trial,
    Tuning,
)

__all__ = ["Evolution", "Outcome"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a session ended: `reason` is the budget's resource that ran out, or "interrupted"."""

    reason: str
    seed: Trial
    best: Trial
    told: int


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
            workers at most, or all of them when no trial is under way; with one trial in flight it is done between
            trials.
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
        self._pools = Pools()
        self._books = Books(self.journal, self.learners)
        self._asks = Asks(
            self.journal,
            self.learners,
            self.regions,
            tuning=self.tuning,
            once=None if self.once is None else partial(self._pools.lend, self.once),
            seed=self.seed,
            attempts=self.attempts,
        )
        self._flights = Flights(self.learners, self._asks, self._pools, self._books, on_spent=self._ask_no_more)
        self._judging = Judging(
            self.journal,
            self.learners,
            self._pools,
            self._books,
            most=2 * self.reservation.get("evaluations", 1),
            on_spent=self._ask_no_more,
        )
        self._short = ""
        self._stalled = False
        self._stopped = ""

    @property
    def best(self) -> Trial | None:
        """The best trial told so far, with what races have corrected; None before there is one with a score."""
        return self.learners.best

    def stop(self, reason: str) -> None:
        """Begin nothing more; what is in flight is left for `resume`. May be called from any thread or signal."""
        self._stopped = self._stopped or reason
        self._pools.halt()

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
        compared = None if witness is None else Witness(self._asks, witness)
        if self.meter is not None:
            self.meter.take_up()
        self.lineage.begin_replay()
        for event in events:
            if compared is not None:
                compared.see(event)
            self._asks.fold(event, plan=compared is not None or event.get("number") in unfinished)
            self._judging.fold(event)
            self._books.fold(event)
            if (trial := replay.fold(event)) is not None:
                self.learners.tell(trial)
        self.lineage.end_replay()
        self.held_out = replay.held_out
        self._books.take_up(replay.elapsed)
        self._asks.take_up(replay.proposed)

    def hear(self, event: Mapping[str, Json]) -> None:
        """Have the gate hear, between sessions, of something that came from outside: a person's answer."""
        self._judging.keep(event)
        self._books.cut_ledger(anew=False)  # so that a clone has heard of it, too

    def run(self) -> Outcome:
        """Search until the budget is used up or `stop` is called.

        Raises `SeedError` when the seed program has no score, `Interrupted` when `stop` came before it had one,
        `BudgetSpent` when there was too little left for that, `Fault` when the surroundings stay broken, `PluginError`
        when a proposer or an archive breaks its contract, and what an evaluator raises against its own; the run can be
        resumed after each of them.
        """
        with self._at_work():
            try:
                self._books.open(self.opened)
                self._books.keep()
                self._begin()
                while self._fill():
                    self._advance()
                reason = self._stopped or self._short or self.budget.shortage(self.reservation) or "nothing left to do"
                self._books.close(reason)
            except EvolveError as error:
                with suppress(EvolveError):  # the disk that failed, or the git that died, may do so again
                    if isinstance(error, SandboxFault | ModelFault):
                        self._books.close(_reason(error))
                    else:
                        self._books.stop(_reason(error))
                raise
        assert self.learners.seed is not None
        assert self.best is not None
        return Outcome(reason=reason, seed=self.learners.seed, best=self.best, told=self.learners.told)

    def complete_ledger(self) -> None:
        """Have the lineage know all that was used, after `run` and when no model is asked any more.

        Raises `LineageError` and `StorageError`.
        """
        self._books.complete_ledger()

    def afterwards(self, act: Callable[[], Answer]) -> Answer:
        """What `act` gives, done after `run` with the same patience. Raises `Interrupted` when `stop` is called."""
        with self._at_work():
            future = self._pools.evaluate(act)
            while not self._stopped:
                if self._pools.finished():
                    return future.result()
        raise Interrupted("stopped before all was done that comes after a search; resume does it")

    def _at_work(self) -> AbstractContextManager[None]:
        # those of earlier sessions begin together, and each may wait for what the others have reserved
        proposals = max(self.proposals or self.in_flight, len(self._asks.pending))
        return self._pools.at_work(
            ThreadPoolExecutor(proposals, thread_name_prefix="propose"),
            ThreadPoolExecutor(self.workers, thread_name_prefix="evaluate"),
            self.patience,
        )

    def _begin(self) -> None:
        """Score the seed, unless an earlier session did, and take up what that left in flight."""
        if self.learners.seed is None:
            pending = self._asks.begin_seed()
            if pending.proposal is None:
                proposal = Proposal(program=self.seed_program, parents=(), operator="seed", summary="Seed program")
                self._flights.proposed(pending, proposal)
            else:
                self._flights.begin(pending)
            while self._flights and not self._stopped:
                self._advance()
        if self.learners.seed is None and self._short and not self._stopped:
            limit = self._short.removeprefix("nano")
            raise BudgetSpent(f"what is left of the limit on {limit} does not reach for the seed's score", self._short)
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
        # all of them first: what one of them asks for could else leave too little for the next
        pending = [
            it for it in self._asks.pending.values() if self.budget.reserve(it.number, self._cost(tunes=it.tunes))
        ]
        told = [trial for it in pending if (trial := self._flights.begin(it)) is not None]
        self._tell(told)
        self._books.keep()

    def _fill(self) -> bool:
        """Begin what there is room and budget for; False when nothing is under way any more."""
        self._books.tick()
        half = max(1, self.workers // 2)
        while not self._stopped and (
            self._judge(half) or self._ask() or (not self._flights and self._judge(self.workers))
        ):
            pass
        return bool(self._flights or self._judging) and not self._stopped

    def _judge(self, at_a_time: int) -> bool:
        """Have the gate's work done; False when there is no room for any, or nothing to do."""
        return not (self.in_flight == 1 and self._flights) and self._judging.begin(at_a_time)

    def _ask(self) -> bool:
        """Ask for one more trial; False when there is no room for any."""
        self._look_for_stall()
        one_by_one = self.in_flight == 1
        if one_by_one and (self._flights or self._judging):
            return False
        if one_by_one and self._ask_tuner(final=False):
            return True
        if self.meter is not None and self.meter.lending:
            return False
        number = self._asks.next
        if not self._short and self._room() and self.budget.reserve(number, self.reservation):
            self._asked(self._asks.sample(number))
            return True
        over = bool(self._short) or self.budget.shortage(self.reservation) is not None
        return self._ask_tuner(final=over and not self._flights.proposing)

    def _ask_tuner(self, *, final: bool) -> bool:
        """Have the tuner try something where an evaluator would have nothing to do."""
        if self.tuning is None or len(self._flights) - self._flights.proposing > self.workers:
            return False
        selection = self.tuning.next(final=final)
        if selection is None or not self.budget.reserve(self._asks.next, self._cost(tunes=True)):
            return False
        self._asked(selection)
        return True

    def _asked(self, selection: Selection) -> None:
        self._flights.begin(self._asks.ask(selection))

    def _cost(self, *, tunes: bool) -> Mapping[str, int]:
        """What a trial reserves."""
        if not tunes or self.tuning is None:
            return self.reservation
        return {name: amount for name, amount in self.reservation.items() if name != "trials"}

    def _room(self) -> bool:
        """Whether one more may be proposed: neither pool is to have more waiting for it than it will soon take."""
        return len(self._flights) < self.in_flight and self._flights.proposing < (self.proposals or self.in_flight)

    def _look_for_stall(self) -> None:
        said = str(getattr(self.archive, "stalled", ""))
        if said and not self._stalled:
            self.on_stall(said)
        self._stalled = bool(said)
        if said and self.stop_when_stalled:
            self._ask_no_more(f"the search stalls: {said}")

    def _ask_no_more(self, reason: str) -> None:
        """What is in flight is carried to its end, and what the tuner has left to try still costs no model."""
        self._short = self._short or reason

    def _advance(self) -> None:
        """Take what has finished, in the order of asking, and carry it one step on."""
        done = self._pools.finished()
        failed = self._judging.take(done)
        told, failure = self._flights.land(done)
        self._tell(told)
        self._books.keep()
        self._flights.draw_again()
        if (failure := failed or failure) is not None:
            raise failure

    def _tell(self, told: Sequence[Trial]) -> None:
        """Have trials that the journal holds on the disk, and then, and only then, learn of them."""
        if not told:
            return
        self.journal.sync()
        for trial in told:
            self.learners.tell(trial)
            self.on_trial(trial)


def _reason(error: EvolveError) -> str:
    """What the journal says of a session that an error ended."""
    if isinstance(error, Interrupted):
        return "interrupted"
    if isinstance(error, BudgetSpent):
        return error.resource
    return f"fault: {error}" if isinstance(error, Fault) else str(error)
