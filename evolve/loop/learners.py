"""Everything that learns hears of every trial: live and in replay alike, in the order of the journal."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from weakref import WeakValueDictionary

from evolve.budget import Budget
from evolve.lineage import Lineage
from evolve.models.meter import Meter
from evolve.plugins import guarded
from evolve.standing import Standing
from evolve.types import Archive, Evaluator, Gate, Program, Proposer, Status, Trial

__all__ = ["Learners"]


@dataclass
class Learners:
    """Budget, meter, archive, proposer, evaluator, lineage and gate, which hear of a trial in this order.

    `told` is how many trials there were, `statuses` counts how they ended, the seed left out, and `examples` holds the
    first one of each status. Trials of the operator `apart` are no trials to the budget; `tuned` counts them.
    """

    budget: Budget
    meter: Meter | None
    archive: Archive
    proposer: Proposer
    evaluator: Evaluator
    lineage: Lineage
    apart: str = ""
    gate: Gate | None = None

    def __post_init__(self) -> None:
        self.seed: Trial | None = None
        self.told = self.tuned = 0
        self.statuses: Counter[Status] = Counter()
        self.examples: dict[Status, Trial] = {}
        self._standing = Standing()
        self._lane_best: dict[str, float] = {}
        self._alive: WeakValueDictionary[int, Trial] = WeakValueDictionary()

    @property
    def best(self) -> Trial | None:
        """The best trial told so far, with what races have corrected; None before there is one with a score."""
        return self._standing.best

    def trial(self, number: int) -> Trial:
        """A trial that somebody still holds, with what races have corrected. Raises `KeyError` for the others."""
        return self._alive[number]

    def program(self, number: int) -> Program:
        """The program of any trial that was told. Raises `LineageError`."""
        trial = self._alive.get(number)
        return trial.program if trial is not None else self.lineage.program(number)

    def tell(self, trial: Trial) -> None:
        """What follows from a trial that the journal holds.

        Raises `PluginError` when archive or proposer break their contract, `LineageError` and `StorageError`.
        """
        base = self.program(trial.parents[0]) if trial.parents else None
        self._settle(trial)
        best = self.best
        for changed in self._standing.tell(trial):
            self._note(changed)
            with guarded("archive", self.archive, f"told again of trial {changed.number}"):
                self.archive.tell(changed)
            if self.gate is not None:
                self.gate.tell(changed)
        self._note(trial)
        self.told += 1
        self.tuned += trial.operator == self.apart
        if trial.number:
            self.statuses[trial.evaluation.status] += 1
            self.examples.setdefault(trial.evaluation.status, trial)
        with guarded("archive", self.archive, f"told of trial {trial.number}"):
            self.archive.tell(trial)
        with guarded("proposer", self.proposer, f"told of trial {trial.number}"):
            self.proposer.tell(trial)
        self.evaluator.tell(trial)
        commit = self.lineage.record(trial, base)
        if self.best is not None and (best is None or self.best.number != best.number):
            self.lineage.point("best", self.lineage.commit(self.best.number))
        fitness = trial.fitness
        if trial.lane and fitness is not None and fitness > self._lane_best.get(trial.lane, -math.inf):
            self._lane_best[trial.lane] = fitness
            self.lineage.point(f"lane/{trial.lane}", commit)
        if self.gate is not None:
            self.gate.tell(trial)

    def _settle(self, trial: Trial) -> None:
        evaluated = trial.evaluation.status not in {Status.REJECTED, Status.DUPLICATE}
        took = {
            "trials": int(trial.number > 0 and trial.operator != self.apart),
            "evaluations": trial.usage.evaluations + (trial.evaluation.evaluations if evaluated else 0),
            "calls": trial.usage.calls,
            "tokens": trial.usage.input_tokens + trial.usage.output_tokens,
            "nanodollars": trial.usage.nanodollars,
        }
        if self.meter is not None:
            self.meter.settle(trial.number, took)
        else:
            self.budget.settle(trial.number, took)

    def _note(self, trial: Trial) -> None:
        self._alive[trial.number] = trial
        if trial.number == 0:
            self.seed = trial
