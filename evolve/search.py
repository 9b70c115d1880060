"""A search on disk: a run that is open for work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Self

from evolve.adoption.records import Transition
from evolve.adoption.referee import Referee
from evolve.adoption.report import subject
from evolve.archives.contest import Contest, Standings
from evolve.budget import Budget
from evolve.config import (
    Parts,
    check_config,
    counted,
    in_flight,
    parts_of,
    prepare,
    same_task,
    task_of,
)
from evolve.errors import BudgetSpent, Fault, Interrupted, TaskError
from evolve.evolution import Evolution, Outcome
from evolve.journal import encode_evaluation
from evolve.lineage import Lineage
from evolve.models.meter import Meter
from evolve.models.transcript import EVALUATIONS, TRANSCRIPT, Transcript
from evolve.options import Options, check_limits
from evolve.proposers.annotations import unread
from evolve.recovery import needs_recovery, recover
from evolve.run import Run
from evolve.scoring import Asking, make_sandbox, make_scorer
from evolve.services import make_models, models_of, moved
from evolve.task import Task
from evolve.types import Evaluation, Sandbox, Trial
from evolve.words import quantity

__all__ = ["Result", "Search"]


@dataclass(frozen=True)
class Result:
    """How a session of a search ended. The held-out evaluations are None when the task has no held-out split."""

    outcome: Outcome
    held_out_seed: Evaluation | None
    held_out_best: Evaluation | None


class Search:
    """A run that is open for work. Made by `start` or `resume`; use it as a context manager.

    `task`, `path`, `sandbox`, `models`, `evolution` and, where the task has a gate, `adoption` are what it is made of.
    """

    def __init__(
        self,
        run: Run,
        parts: Parts,
        *,
        opened: Mapping[str, Any] | None,
        on_trial: Callable[[Trial], None],
        on_notice: Callable[[str], None],
    ) -> None:
        config, workers = run.config, run.config["workers"]
        assert parts.sandbox is not None
        self.path, self.task, self.sandbox = run.path, parts.task, parts.sandbox
        self._run, self._notice = run, on_notice
        budget = Budget(counted(config["limits"]), seconds=config["limits"].get("seconds"))
        self.models = models = [model for model, _ in parts.models]
        self._meter = Meter(budget, Transcript(run.state / TRANSCRIPT), models) if models else None
        # an evaluator that asks models spends of the same budget, and its calls are of no trial's proposal
        asks = bool(models and parts.task.settings.of_scaffolds)
        self._beside = Meter(budget, Transcript(run.state / EVALUATIONS)) if asks else None
        if self._beside is not None:
            self._beside.take_up()
        asking = (
            Asking(parts.models, self._beside.relay, config.get("secret", "")) if self._beside is not None else None
        )
        self._evaluator = make_scorer(
            parts.task,
            parts.sandbox,
            strict=config.get("strict", False),
            asking=asking,
            on_notice=on_notice,
        )
        self._lineage = Lineage(
            run.path, started=config["started"], config=run.config_text, hold=run.lock, on_notice=on_notice
        )
        self.adoption, self._live = parts.adoption, False
        self._complete = False
        """Whether the ledger is to have, in the end, what was used after the loop has ended."""
        gate = None
        if parts.adoption is not None:
            gate = Referee(
                parts.adoption,
                self._evaluator,
                self._lineage,
                objective=parts.task.tree,
                on_transition=self._decided,
            )
        flying, proposals = in_flight(workers, config["calls_in_flight"] if models else 0)
        self.evolution = Evolution(
            seed_program=parts.seed,
            journal=run.journal,
            lineage=self._lineage,
            archive=parts.archive,
            proposer=parts.proposer,
            evaluator=self._evaluator,
            budget=budget,
            regions=parts.regions,
            seed=config["seed"],
            workers=workers,
            in_flight=flying,
            proposals=proposals,
            tuning=parts.tuning,
            stop_when_stalled=config.get("stop_when_stalled", False),
            on_stall=lambda said: on_notice(f"The search stalls: {said}."),
            gate=gate,
            meter=self._meter,
            once=self._evaluator.once,
            on_trial=self._told,
            opened=opened or {},
            reservation={"trials": 1, "evaluations": self._evaluator.most},
        )
        self._on_trial = on_trial
        self._discard = False
        self._fresh = opened is None

    def _told(self, trial: Trial) -> None:
        # artifacts can be large; those of programs that were never the best are not kept
        if trial.evaluation.artifacts and trial is self.evolution.best:
            self._run.keep(trial.number, trial.evaluation.artifacts)
        self._on_trial(trial)

    def _decided(self, transition: Transition) -> None:
        if self._live:
            said = [subject(transition), *transition.reasons]
            if transition.kind == "asked":
                said.append(f"a person decides: evolve review {quote(str(self.path))}")
            self._notice("; ".join(said) + ".")

    @classmethod
    def start(
        cls,
        task: Task,
        path: Path,
        *,
        limits: Mapping[str, Any] | None = None,
        options: Options | None = None,
        on_trial: Callable[[Trial], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> Search:
        """A new run of `task` in the directory `path`.

        Args:
            limits: `trials`, `evaluations`, `seconds`, `dollars`, `calls` and `tokens`; what the task says when none is
                given.
            on_trial: hears each trial as it is told.
            on_notice: hears, in a sentence, what a person did in the run's branches or work tree that keeps the engine
                from moving them as it would, what there is to know of the models' services, and which comments for
                the tuner in the seed it can make nothing of. May be called on any thread.

        A start that fails leaves no directory behind, unless it was interrupted, the seed was scored, or it is worth
        trying again. Raises `TaskError`, `RunExists`, `StorageError`, `SandboxUnavailable`, `UnsafeRefused`.
        """
        parts, config = prepare(task, limits=limits, options=options, on_notice=on_notice)
        with ExitStack() as undo:
            assert parts.sandbox is not None
            undo.callback(parts.sandbox.close)
            for comment in unread(parts.regions, parts.seed):
                on_notice(f"The seed program, {comment}.")
            run = Run.create(path, config)
            undo.callback(run.discard)
            undo.callback(run.close)
            search = cls(run, parts, opened=None, on_trial=on_trial, on_notice=on_notice)
            undo.callback(search.close)
            search._take_up({})
            undo.pop_all()
        return search

    @classmethod
    def resume(  # noqa: PLR0913 - every option of a session, by name
        cls,
        path: Path,
        *,
        limits: Mapping[str, Any] | None = None,
        sandbox: str | Sandbox | None = None,
        task: str | None = None,
        base_url: str | None = None,
        api_key_env: str | None = None,
        on_trial: Callable[[Trial], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> Search:
        """Continue the run at `path`, or at a clone of one, with what its journal says and new limits where given.

        Args:
            limits: new totals for `trials`, `evaluations`, `seconds`, `dollars`, `calls`, `tokens`; the others stay.
            sandbox: another one than the run began with.
            task: where the task's folder is, when it has moved; the run remembers it.
            base_url, api_key_env: where the models are asked from now on, and which variable holds the key.

        Raises `RunNotFound`, `RunLocked`, `RunDamaged`, `TaskError` when the evaluator is not what it was.
        """
        given = check_limits(limits or {})
        if needs_recovery(path):
            recover(path)
        with ExitStack() as undo:
            run = Run.open(path)
            undo.callback(run.close)
            check_config(run)
            known = task_of(run)
            found = same_task(task, known, run)
            asked = models_of(run)
            models = tuple(moved(model, base_url=base_url, api_key_env=api_key_env) for model in asked)
            chosen = make_sandbox(found, sandbox or run.config["sandbox"])
            undo.callback(chosen.close)
            parts = parts_of(run, found, chosen, make_models(models, on_notice, seed=run.config["seed"]))
            opened: dict[str, Any] = {"task": found.reference} if found.reference != known else {}
            opened |= {"models": [model.stored() for model in models]} if models != asked else {}
            search = cls(run, parts, opened=opened, on_trial=on_trial, on_notice=on_notice)
            undo.callback(search.close)
            search._take_up(given)
            undo.pop_all()
        return search

    def _take_up(self, limits: Mapping[str, Any]) -> None:
        """Learn what the journal says, and that these are the limits from now on."""
        budget = self.evolution.budget
        self.evolution.replay(self._run.events(), unfinished=self._run.unfinished())
        budget.limits = {**budget.limits, **counted(limits)}
        budget.seconds = limits.get("seconds", budget.seconds)

    def run(self) -> Result:
        """Search until the budget is used up or `stop` is called, then score seed and best on held-out instances.

        Raises as `Evolution.run` does; the run can be resumed after each error but one: when the task shows itself to
        be wrong before the seed of a new run was scored, nothing is left of the run.
        """
        self._live = True
        try:
            self._check_budget()
            outcome = self.evolution.run()
            self._complete = True
        except Fault:
            self._complete = True
            raise
        except TaskError:
            self._discard = self._fresh and self.evolution.learners.seed is None
            raise
        if outcome.reason == "interrupted":
            return Result(outcome, None, None)
        try:
            result = self._reported(outcome)
        except Interrupted:
            result = Result(replace(outcome, reason="interrupted"), None, None)
        except BudgetSpent as spent:
            self._notice(f"There are no held-out scores: {spent}.")
            result = Result(outcome, None, None)
        return result

    def _reported(self, outcome: Outcome) -> Result:
        if "held_out" not in self.evolution.afterwards(lambda: self._evaluator.splits):
            return Result(outcome, None, None)
        return Result(outcome, self._held_out(outcome.seed), self._held_out(outcome.best))

    def _check_budget(self) -> None:
        """Raise `TaskError` when repeats take so many evaluations that no trial could ever be begun."""
        limit, most = self.evolution.budget.limits.get("evaluations"), self._evaluator.most
        needed = self.task.settings.evaluator.times + most
        if most > 1 and limit is not None and limit < needed:
            raise TaskError(
                f"the seed and one trial of this task may take {needed} evaluations, for [evaluator] in its task.toml "
                f"asks for repeats, and the limit is {limit}: give more with --evaluations, or ask for fewer repeats"
            )

    @property
    def standings(self) -> Standings | None:
        """How the search compares with its baseline; None without one."""
        archive = self.evolution.archive
        return archive.board.standings if isinstance(archive, Contest) else None

    def stop(self) -> None:
        """Begin nothing more and come back soon; may be called from a signal handler."""
        self.evolution.stop("interrupted")

    def commit(self, number: int) -> str:
        """The commit id of a trial that was told."""
        return self._lineage.commit(number)

    def _held_out(self, trial: Trial) -> Evaluation:
        known = self.evolution.held_out.get(trial.number)
        if known is not None:
            return known
        evaluation = self.evolution.afterwards(lambda: self._evaluator.evaluate(trial.program, split="held_out"))
        self._run.journal.append({"event": "held_out", "number": trial.number, **encode_evaluation(evaluation)})
        self._run.journal.sync()
        return evaluation

    def close(self) -> None:
        """End everything that was started; may be called twice. Raises `LineageError` when git fails to finish."""
        with ExitStack() as last:  # the other way round, and each whatever becomes of the others
            last.callback(self._run.close)
            if self._discard:
                last.callback(self._run.discard)
            last.callback(self._lineage.close)
            last.callback(self.sandbox.close)
            last.callback(self._complete_ledger)
            last.callback(self._end_asking)
            last.callback(self._evaluator.close)  # before those who ask: what they wait for may be an evaluation

    def _complete_ledger(self) -> None:
        if self._complete:
            self._complete = False
            self.evolution.complete_ledger()

    def _end_asking(self) -> None:
        if self._meter is not None:
            if flying := self._meter.flying:
                self._notice(f"Waiting a moment for {quantity(flying, 'answer')} that models are paid for.")
            self._meter.close()
        if self._beside is not None:
            self._beside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
