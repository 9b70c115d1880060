"""Trials under way: each is on a pool for its proposal first, and then for its evaluation."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from functools import partial
from typing import Any

from evolve.errors import BudgetSpent, ModelFault, PluginError
from evolve.journal import finish
from evolve.loop.asks import Asks, Pending, unanswered
from evolve.loop.books import Books
from evolve.loop.learners import Learners
from evolve.loop.pools import Pools
from evolve.types import Evaluation, Proposal, Status, Trial

__all__ = ["Flights"]

_UNANSWERED_IN_A_ROW = 5
"""Trials without an answer after which it is not for what they asked."""


class Flights:
    """Carries pending trials to their end, on the loop thread alone; nobody has learned of a trial that comes back.

    `on_spent` hears which resource of the budget was too little for a trial, which stays for a larger one.
    """

    def __init__(
        self,
        learners: Learners,
        asks: Asks,
        pools: Pools,
        books: Books,
        *,
        on_spent: Callable[[str], None],
    ) -> None:
        self._learners, self._asks, self._pools, self._books = learners, asks, pools, books
        self._on_spent = on_spent
        self._flying: dict[Future[Any], Pending] = {}
        self._again: list[Pending] = []
        self._unanswered = 0

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._flying)

    @property
    def proposing(self) -> int:
        """How many wait for their proposals, without what the tuner tries: it asks nobody."""
        return sum(pending.proposal is None and not pending.tunes for pending in self._flying.values())

    def begin(self, pending: Pending) -> Trial | None:
        """Take up a trial where it is: for its proposal, or for its evaluation. The trial, if that is its end."""
        if pending.proposal is not None:
            return self._evaluate(pending, pending.proposal)
        assert pending.plan is not None
        work = self._pools.tune if pending.tunes else self._pools.propose
        self._flying[work(pending.plan)] = pending
        return None

    def proposed(self, pending: Pending, proposal: Proposal) -> Trial | None:
        """Valid and new: evaluate. A free duplicate: draw again. Else the trial ends here. Raises `PluginError`."""
        if not self._asks.accept(pending, proposal):
            self._again.append(pending)
            return None
        if pending.proposal is not None and pending.proposal.usage.calls:
            self._unanswered = 0
        return self.begin(pending)

    def land(self, done: AbstractSet[Future[Any]]) -> tuple[list[Trial], BaseException | None]:
        """Take what has finished, in the order of asking, and carry it one step on.

        The trials that have ended, and the first failure, if there was one: what else has finished comes first.
        """
        ended: list[Trial] = []
        failure: BaseException | None = None
        for future in sorted(done & self._flying.keys(), key=lambda future: self._flying[future].number):
            pending = self._flying.pop(future)
            error = future.exception()
            short = self._restored(pending)
            if isinstance(error, BudgetSpent):
                short = error.resource
            if short is not None:
                self._on_spent(short)
                self._learners.budget.settle(pending.number, {})
                continue
            if error is not None and not self._given_up(pending, error):
                failure = failure or error
                continue
            try:
                trial = self._step(pending, unanswered(pending) if error is not None else future.result())
            except PluginError as broken:
                failure = failure or broken
                continue
            if trial is not None:
                ended.append(trial)
        return ended, failure

    def draw_again(self) -> None:
        """Have new proposals made in the place of duplicates, knowing what was told meanwhile. Raises `PluginError`."""
        for pending in self._again:
            self._asks.draw_again(pending)
            self.begin(pending)
        self._again.clear()

    def _restored(self, pending: Pending) -> str | None:
        """See to it that what was reserved for a trial is: a proposer may do without what it has waited for in vain.
        What there is too little of for that."""
        meter = self._learners.meter
        return meter.restore(pending.number) if meter is not None else None

    def _step(self, pending: Pending, result: Proposal | Evaluation) -> Trial | None:
        return self.proposed(pending, result) if isinstance(result, Proposal) else self._end(pending, result)

    def _evaluate(self, pending: Pending, proposal: Proposal) -> Trial | None:
        if proposal.rejected:
            return self._end(pending, Evaluation(status=Status.REJECTED, feedback=proposal.rejected))
        if pending.duplicate_of is not None:
            feedback = f"the same program as trial {pending.duplicate_of}"
            return self._end(pending, Evaluation(status=Status.DUPLICATE, feedback=feedback))
        work = partial(self._learners.evaluator.evaluate, proposal.program)
        self._flying[self._pools.evaluate(work)] = pending
        return None

    def _end(self, pending: Pending, evaluation: Evaluation) -> Trial:
        assert pending.proposal is not None
        trial = finish(
            pending.number,
            pending.proposal,
            evaluation,
            lane=pending.selection.lane if pending.selection else "",
            duplicate_of=pending.duplicate_of,
        )
        del self._asks.pending[pending.number]
        self._books.tell(trial)
        return trial

    def _given_up(self, pending: Pending, error: BaseException) -> bool:
        """Whether the trial ends because its model's answers are lost again and again, and the run goes on.

        The service may well answer others; one that is down says so with another fault.
        """
        if not isinstance(error, ModelFault) or not error.sent or pending.selection is None:
            return False
        self._unanswered += 1
        return self._unanswered < _UNANSWERED_IN_A_ROW
