"""From a task and options to the objects of a search: the only place where they are wired together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeVar

from evolve import forms
from evolve.archives.top import Top
from evolve.budget import Budget
from evolve.errors import RunDamaged, TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.evolution import Evolution, Outcome
from evolve.journal import decode_proposal, encode_evaluation
from evolve.lineage import Lineage
from evolve.proposers.crossover import Crossover
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.recovery import needs_recovery, recover
from evolve.regions import Regions
from evolve.run import Run
from evolve.sandboxes.choose import choose, require_able, require_safe
from evolve.sandboxes.proof import prove
from evolve.task import Task
from evolve.types import Archive, Evaluation, Program, Proposer, Sandbox, Trial

__all__ = ["ARCHIVES", "DEFAULT_TRIALS", "PROPOSERS", "Options", "Result", "Search", "make_evaluator", "make_sandbox"]

Plugin = TypeVar("Plugin")

DEFAULT_TRIALS = 200
"""Of a run whose task and options set no limit at all."""

PROPOSERS: dict[str, Callable[[Regions], Proposer]] = {
    "mutation": Mutation,
    "crossover": Crossover,
    "tuner": Tuner,
    "mix": Mix.default,
}
"""Proposers by name; each edits the user's own program by rules of ours. A plugin is named "module:attribute"."""

ARCHIVES: dict[str, Callable[[], Archive]] = {"top": Top}
"""Archives by name. A plugin is named "module:attribute"."""

_CONFIG = frozenset(
    {"task", "evaluator", "started", "seed", "workers", "sandbox", "allow_unsafe", "proposer", "archive", "limits"}
)
"""What the configuration of every run holds."""

_LIMITS = ("trials", "evaluations")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to search.

    Args:
        seed: of all random numbers.
        workers: evaluations at a time; by default one for each processor.
        sandbox: "auto", the name of a sandbox, or one of yours.
        allow_unsafe: let programs from a proposer that is not ours run in a sandbox that does not isolate.
        proposer, archive: a name in `PROPOSERS` or `ARCHIVES`, or "module:attribute".
        strict: a fresh session for each candidate; so too when the task says so, or asks for GPUs.
    """

    seed: int = 0
    workers: int | None = None
    sandbox: str | Sandbox = "auto"
    allow_unsafe: bool = False
    proposer: str = "mix"
    archive: str = "top"
    strict: bool = False


@dataclass(frozen=True)
class Result:
    """How a session of a search ended. The held-out evaluations are None when the task has no held-out split."""

    outcome: Outcome
    held_out_seed: Evaluation | None
    held_out_best: Evaluation | None


class Search:
    """A run that is open for work. Made by `start` or `resume`; use it as a context manager.

    `task`, `path`, `sandbox` and `evolution` are what it is made of.
    """

    def __init__(
        self,
        run: Run,
        task: Task,
        sandbox: Sandbox,
        *,
        on_trial: Callable[[Trial], None],
        on_notice: Callable[[str], None],
    ) -> None:
        config = run.config
        proposer = config["proposer"]
        require_safe(sandbox, untrusted=proposer not in PROPOSERS, allow_unsafe=config["allow_unsafe"])
        seed = _seed_of(run) or task.seed
        self.path, self.task, self.sandbox = run.path, task, sandbox
        self._run = run
        self._evaluator = make_evaluator(task, sandbox, strict=config.get("strict", False))
        self._lineage = Lineage(
            run.path, started=config["started"], config=run.config_text, hold=run.lock, on_notice=on_notice
        )
        regions = Regions(seed, task.settings.task.editable)
        workers = config["workers"]
        self.evolution = Evolution(
            seed_program=seed,
            journal=run.journal,
            lineage=self._lineage,
            archive=_plugin("archive", config["archive"], ARCHIVES)(),
            proposer=_plugin("proposer", proposer, PROPOSERS)(regions),
            evaluator=self._evaluator,
            budget=Budget(_counted(config["limits"]), seconds=config["limits"].get("seconds")),
            regions=regions,
            seed=config["seed"],
            workers=workers,
            # one worker is a promise: the same seed, the same commits. More keep one proposal ahead of the evaluators
            in_flight=workers if workers == 1 else workers + 1,
            on_trial=self._told,
        )
        self._on_trial = on_trial

    def _told(self, trial: Trial) -> None:
        # artifacts can be large; those of programs that were never the best are not kept
        if trial.evaluation.artifacts and trial is self.evolution.best:
            self._run.keep(trial.number, trial.evaluation.artifacts)
        self._on_trial(trial)

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
            limits: `trials`, `evaluations` and `seconds`; what the task says when none is given.
            on_trial: hears each trial as it is told.
            on_notice: hears, in a sentence, what a person did in the run's branches or work tree that keeps the engine
                from moving them as it would.

        Raises `TaskError`, `RunExists`, `StorageError`, `SandboxUnavailable`, `UnsafeRefused`.
        """
        options = options or Options()
        _plugin("proposer", options.proposer, PROPOSERS)
        _plugin("archive", options.archive, ARCHIVES)
        chosen = make_sandbox(task, options.sandbox)
        require_safe(chosen, untrusted=options.proposer not in PROPOSERS, allow_unsafe=options.allow_unsafe)
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        config = {
            "version": 1,
            "task": task.reference,
            "form": task.form.name if task.form.name in forms.FORMS else "native",
            "name": task.name,
            "evaluator": task.tree,
            "direction": task.settings.task.direction,
            "started": int(epoch) if epoch.isdigit() else int(time.time()),
            "seed": options.seed,
            "workers": options.workers or len(os.sched_getaffinity(0)),
            "sandbox": chosen.name,
            "allow_unsafe": options.allow_unsafe,
            "proposer": options.proposer,
            "archive": options.archive,
            "strict": options.strict,
            "limits": dict(_limits(task, limits or {})),
        }
        run = Run.create(path, config)
        return cls._open(run, task, chosen, limits={}, on_trial=on_trial, on_notice=on_notice)

    @classmethod
    def resume(
        cls,
        path: Path,
        *,
        limits: Mapping[str, Any] | None = None,
        sandbox: str | Sandbox | None = None,
        task: str | None = None,
        on_trial: Callable[[Trial], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> Search:
        """Continue the run at `path`, or at a clone of one, with what its journal says and new limits where given.

        Args:
            limits: new totals for `trials`, `evaluations`, `seconds`; the others stay.
            sandbox: another one than the run began with.
            task: where the task's folder is, when it has moved.

        Raises `RunNotFound`, `RunLocked`, `RunDamaged`, `TaskError` when the evaluator is not what it was.
        """
        if needs_recovery(path):
            recover(path)
        run = Run.open(path)
        try:
            _check_config(run)
            found = _same_task(task or run.config["task"], run)
            chosen = make_sandbox(found, sandbox or run.config["sandbox"])
        except BaseException:
            run.close()
            raise
        return cls._open(run, found, chosen, limits=limits or {}, on_trial=on_trial, on_notice=on_notice)

    @classmethod
    def _open(
        cls,
        run: Run,
        task: Task,
        sandbox: Sandbox,
        *,
        limits: Mapping[str, Any],
        on_trial: Callable[[Trial], None],
        on_notice: Callable[[str], None],
    ) -> Search:
        try:
            search = cls(run, task, sandbox, on_trial=on_trial, on_notice=on_notice)
        except BaseException:
            run.close()
            raise
        try:
            budget = search.evolution.budget
            search.evolution.replay(run.events())
            budget.limits = {**budget.limits, **_counted(limits)}
            budget.seconds = limits.get("seconds", budget.seconds)
        except BaseException:
            search.close()
            raise
        return search

    def run(self) -> Result:
        """Search until the budget is used up or `stop` is called, then score seed and best on held-out instances.

        Raises as `Evolution.run` does; the run can be resumed after each error.
        """
        outcome = self.evolution.run()
        if outcome.reason == "interrupted" or "held_out" not in self._evaluator.splits:
            return Result(outcome, None, None)
        return Result(outcome, self._held_out(outcome.seed), self._held_out(outcome.best))

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
        evaluation = self._evaluator.evaluate(trial.program, split="held_out")
        self._run.journal.append({"event": "held_out", "number": trial.number, **encode_evaluation(evaluation)})
        self._run.journal.sync()
        return evaluation

    def close(self) -> None:
        """End everything that was started; may be called twice. Raises `LineageError` when git fails to finish."""
        try:
            self._evaluator.close()
            self.sandbox.close()
        finally:
            try:
                self._lineage.close()
            finally:
                self._run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_sandbox(task: Task, wanted: str | Sandbox = "auto") -> Sandbox:
    """The sandbox of that name with what `task` asks for in it, checked; or the one given, checked.

    Raises `SandboxUnavailable` when it does not work or does not keep what it promises, `TaskError` when there is no
    such sandbox, or when it cannot give what the task asks for.
    """
    if not isinstance(wanted, str):
        require_able(wanted.name, task.surroundings)
        prove(wanted)
        return wanted
    chosen = choose(wanted, task.surroundings)
    try:
        prove(chosen)
    except BaseException:
        chosen.close()
        raise
    return chosen


def make_evaluator(task: Task, sandbox: Sandbox, *, strict: bool = False) -> NativeEvaluator:
    """What scores programs for `task` in `sandbox`; the caller closes both.

    `strict` is added to what the task says. GPUs are always used strictly: nothing may have touched one before a fork.
    """
    settings, form = task.settings, task.form
    return NativeEvaluator(
        sandbox=sandbox,
        folder=form.folder or task.folder,
        entry="evaluate.py" if form.folder else settings.evaluator.file,
        extra=form.extra,
        rules=Rules(
            direction=settings.task.direction,
            objectives=settings.objectives,
            thresholds=tuple(settings.evaluator.thresholds),
            module=settings.task.module,
            build=tuple(settings.task.build),
            beside=form.beside,
        ),
        timeout=settings.evaluator.timeout,
        call_timeout=settings.evaluator.call_timeout,
        build_timeout=settings.task.build_timeout,
        limits=task.limits,
        strict=strict or settings.sandbox.strict or settings.sandbox.gpus is not None,
    )


def _check_config(run: Run) -> None:
    if missing := sorted(_CONFIG - run.config.keys()):
        raise RunDamaged(
            f"{run.state / 'config.toml'} lacks {', '.join(missing)}; the ledger has a whole copy: "
            f"git -C {run.path} show trials:config.toml"
        )


def _same_task(reference: str, run: Run) -> Task:
    task = forms.load(reference, run.config.get("form", "native"))
    if task.tree != run.config["evaluator"]:
        raise TaskError(
            f"the evaluator in {task.folder} has changed since {run.path} began, so scores cannot be compared; "
            f"give the unchanged folder with --task, or begin a new run"
        )
    return task


def _limits(task: Task, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The limits given; the task's when there are none; a number of trials when it has none either."""
    defaults = task.settings.search.model_dump(exclude_none=True)
    return given or defaults or {"trials": DEFAULT_TRIALS}


def _counted(limits: Mapping[str, Any]) -> dict[str, int]:
    return {key: limits[key] for key in _LIMITS if key in limits}


def _seed_of(run: Run) -> Program | None:
    """The seed that a run began with; its task's may have been edited since."""
    for event in run.events():
        if event["event"] == "proposed":
            return decode_proposal(event, None).program
    return None


def _plugin(kind: str, name: str, known: Mapping[str, Callable[..., Plugin]]) -> Callable[..., Plugin]:
    """What a name of `known`, or "module:attribute", stands for. Raises `TaskError`."""
    if name in known:
        return known[name]
    module, _, attribute = name.partition(":")
    if not attribute:
        raise TaskError(f"there is no {kind} {name!r}; there are {', '.join(known)}, and yours as module:attribute")
    try:
        found: Callable[..., Plugin] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise TaskError(f"the {kind} {name!r} cannot be imported: {error}") from error
    return found
