"""The work of a gate: it runs among the evaluations, and what it gave is journaled before the gate hears of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from concurrent.futures import Future
from typing import Any

from evolve.errors import BudgetSpent, RunDamaged
from evolve.journal import Event, Journal
from evolve.loop.books import Books
from evolve.loop.learners import Learners
from evolve.loop.pools import Pools
from evolve.types import Json

__all__ = ["Judging"]


class Judging:
    """Has the work of the gate done, if there is one: pieces, several at a time.

    Args:
        most: evaluations that a piece of work may take.
        on_spent: hears which resource of the budget did not reach.
    """

    def __init__(
        self,
        journal: Journal,
        learners: Learners,
        pools: Pools,
        books: Books,
        *,
        most: int,
        on_spent: Callable[[str], None],
    ) -> None:
        self._journal, self._learners, self._pools, self._books = journal, learners, pools, books
        self._most, self._on_spent = most, on_spent
        self._running: dict[Future[Mapping[str, Json]], int] = {}
        self._begun = 0

    def __len__(self) -> int:
        """How many pieces of work are under way."""
        return len(self._running)

    def begin(self, at_a_time: int) -> bool:
        """Begin a piece of work; False when so many are under way, or there is nothing to do."""
        gate, budget = self._learners.gate, self._learners.budget
        if gate is None or len(self._running) >= at_a_time:
            return False
        key = ("gate", self._begun)
        if not budget.reserve(key, {"evaluations": self._most}):
            return False
        work = gate.next()
        if work is None:
            budget.settle(key, {})
            return False
        self._running[self._pools.evaluate(work)] = self._begun
        self._begun += 1
        return True

    def take(self, done: Collection[Future[Any]]) -> BaseException | None:
        """Keep what has come of the work, in the order in which it was begun. The first failure, if there is one."""
        failure: BaseException | None = None
        for future in sorted((future for future in done if future in self._running), key=self._running.__getitem__):
            key = ("gate", self._running.pop(future))
            error = future.exception()
            if isinstance(error, BudgetSpent):
                self._on_spent(error.resource)
                self._learners.budget.settle(key, {})
            elif error is not None:
                failure = failure or error
            else:
                self.keep(future.result(), key)
        return failure

    def keep(self, event: Mapping[str, Json], key: Hashable = None) -> None:
        """Journal an event of the gate, and have it hear of it; `key` is what was reserved for it."""
        self._journal.append({**event, **self._books.clock()})
        self._journal.sync()
        self._hear(event, key)

    def fold(self, event: Event) -> None:
        """Take an event that the journal holds. Raises `RunDamaged` when nobody is there who could hear of it."""
        if event["event"] == "gate":
            self._hear({name: value for name, value in event.items() if name != "elapsed"})

    def _hear(self, event: Mapping[str, Any], key: Hashable = None) -> None:
        learners = self._learners
        if learners.gate is None:
            raise RunDamaged(
                "the journal has decisions about adopted programs, and this search has no gate to hear them"
            )
        learners.budget.settle(key, {"evaluations": event.get("evaluations", 0)})
        learners.lineage.note(event)
        learners.gate.fold(event)
