"""What brings `Adoption` into a search: its pairs are run by the search's evaluators, its decisions become commits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from evolve.adoption.controller import Adoption, Transitions
from evolve.adoption.pairing import run_pair
from evolve.adoption.records import Pair, Transition, decode_pair, encode_objective, encode_pair
from evolve.adoption.report import message
from evolve.adoption.safety import objective_changed
from evolve.errors import TaskError
from evolve.lineage import Lineage
from evolve.types import Evaluator, Json, Program, Split, Trial

__all__ = ["Referee"]

_UNCOMMITTED = frozenset({"refused", "confirming"})
"""Transitions after which nothing is decided yet, or that were never tried: not worth a commit."""


class Referee:
    """A `Gate` of a search.

    Args:
        adoption: who is adopted; asked by proposers and readers too.
        evaluator: scores both programs of a pair, on `split`.
        objective: the tree id of what scores.
        on_transition: hears what became of a challenger, live and in replay.
    """

    def __init__(
        self,
        adoption: Adoption,
        evaluator: Evaluator,
        lineage: Lineage,
        *,
        objective: str,
        split: Split = "search",
        on_transition: Callable[[Transition], None] = lambda _: None,
    ) -> None:
        self.adoption = adoption
        self._evaluator, self._lineage, self._split = evaluator, lineage, split
        self._objective, self._pinned = objective, False
        self._on_transition = on_transition
        self._running: set[Pair] = set()

    def tell(self, trial: Trial) -> None:
        """Learn of a trial that the lineage has recorded."""
        if self.adoption.adopted is None:
            self._lineage.adopt_first(trial.number)
        self._decide(self.adoption.tell(trial))

    def next(self) -> Callable[[], Mapping[str, Json]] | None:
        """First the objective, then the pairs. Raises `TaskError` when it was another one in an earlier session."""
        if not self._pinned:
            self._pinned = True
            if not self.adoption.objective:
                return partial(encode_objective, self._objective)
            if problem := objective_changed(self.adoption.objective, self._objective):
                raise TaskError(problem)
        pair = self.adoption.next(self._running)
        confirming = self.adoption.confirming
        if pair is None or confirming is None:
            return None
        self._running.add(pair)
        return partial(self._run, pair, confirming.incumbent.program, confirming.challenger.program)

    def fold(self, event: Mapping[str, Any]) -> None:
        """Take one of its events, live and in replay. Raises as `Adoption.fold`."""
        if event["what"] == "pair":
            self._running.discard(decode_pair(event))
        self._decide(self.adoption.fold(event))

    def _run(self, pair: Pair, incumbent: Program, challenger: Program) -> Mapping[str, Json]:
        families = self.adoption.policy.gate.families
        outcome = run_pair(pair, incumbent, challenger, self._evaluator, families=families, split=self._split)
        return encode_pair(pair, outcome)

    def _decide(self, said: Transitions) -> None:
        for transition in said:
            adopted = self.adoption.adopted
            if transition.kind not in _UNCOMMITTED and adopted is not None:
                self._lineage.decide(transition.number, adopted.program, message(transition), told=transition.at)
            self._on_transition(transition)
