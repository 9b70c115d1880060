"""From a task and options to the objects of a search: the only place where they are wired together.

`evolve.scoring` has those that score programs, which need no search.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Self, TypeAlias

import git

from evolve import forms
from evolve.again import Anew, Silent, Unasked
from evolve.archives.top import Top
from evolve.budget import Budget
from evolve.errors import Interrupted, RunDamaged, RunNotFound, StorageError, TaskError
from evolve.evolution import Evolution, Outcome
from evolve.journal import Journal, decode_proposal, encode_evaluation
from evolve.lineage import Lineage
from evolve.models.meter import Meter
from evolve.models.openai import OpenAIModel
from evolve.models.settings import OPENAI_URL, ModelSettings, choose_models, stored_models
from evolve.models.transcript import Transcript
from evolve.options import Options, check_limits
from evolve.plugins import find, make
from evolve.proposers._prompts import read_prompts
from evolve.proposers.crossover import Crossover
from evolve.proposers.llm import LLM
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.recovery import needs_recovery, recover
from evolve.regions import Regions
from evolve.run import Run
from evolve.sandboxes.choose import require_safe
from evolve.scoring import make_sandbox, make_scorer
from evolve.simulated import SimulatedModel
from evolve.task import Task
from evolve.types import Archive, Evaluation, Model, Program, Proposer, Sandbox, Trial

__all__ = [
    "ARCHIVES",
    "ASKING",
    "DEFAULT_TRIALS",
    "PROPOSERS",
    "Replayed",
    "Result",
    "Search",
    "replay",
]

DEFAULT_TRIALS = 200
"""Of a run whose task and options set no limit at all."""

PROPOSERS: dict[str, Callable[[Regions], Proposer]] = {
    "mutation": Mutation,
    "crossover": Crossover,
    "tuner": Tuner,
    "mix": Mix.default,
}
"""Proposers by name; each edits the user's own program by rules of ours. A plugin is named "module:attribute"."""

Models: TypeAlias = Sequence[tuple[Model, float]]
"""The models of a run, each with its weight."""

ASKING: dict[str, Callable[..., Proposer]] = {"llm": LLM}
"""Proposers that ask models, by name: they are given regions, models and the settings of `_asking`. A plugin is given
the models too, when the run has some."""

ARCHIVES: dict[str, Callable[[], Archive]] = {"top": Top}
"""Archives by name. A plugin is named "module:attribute"."""

_CONFIG = frozenset(
    {"task", "evaluator", "started", "seed", "workers", "sandbox", "allow_unsafe", "proposer", "archive", "limits"}
)
"""What the configuration of every run holds."""


@dataclass(frozen=True)
class _Parts:
    """What a search is made of, beside its run: all that can be wrong before there is one."""

    task: Task
    seed: Program
    regions: Regions
    archive: Archive
    proposer: Proposer
    sandbox: Sandbox | None
    models: Models


@dataclass(frozen=True)
class Result:
    """How a session of a search ended. The held-out evaluations are None when the task has no held-out split."""

    outcome: Outcome
    held_out_seed: Evaluation | None
    held_out_best: Evaluation | None


@dataclass(frozen=True)
class Replayed:
    """What a replay made again: trials told, commits by branch, and how many programs were evaluated anew."""

    told: int
    branches: Mapping[str, str]
    evaluated: int


class Search:
    """A run that is open for work. Made by `start` or `resume`; use it as a context manager.

    `task`, `path`, `sandbox`, `models` and `evolution` are what it is made of.
    """

    def __init__(
        self,
        run: Run,
        parts: _Parts,
        *,
        opened: Mapping[str, Any] | None,
        on_trial: Callable[[Trial], None],
        on_notice: Callable[[str], None],
    ) -> None:
        config, workers = run.config, run.config["workers"]
        assert parts.sandbox is not None
        self.path, self.task, self.sandbox = run.path, parts.task, parts.sandbox
        self._run, self._notice = run, on_notice
        budget = Budget(_counted(config["limits"]), seconds=config["limits"].get("seconds"))
        self.models = models = [model for model, _ in parts.models]
        self._meter = Meter(budget, Transcript(run.state / "transcript.jsonl"), models) if models else None
        self._evaluator = make_scorer(
            parts.task, parts.sandbox, strict=config.get("strict", False), on_notice=on_notice
        )
        self._lineage = Lineage(
            run.path, started=config["started"], config=run.config_text, hold=run.lock, on_notice=on_notice
        )
        in_flight, proposals = _in_flight(workers, config["calls_in_flight"] if models else 0)
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
            in_flight=in_flight,
            proposals=proposals,
            meter=self._meter,
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
                from moving them as it would, and what there is to know of the models' services. May be called on
                any thread.

        A start that fails leaves no directory behind, unless it was interrupted, the seed was scored, or it is worth
        trying again. Raises `TaskError`, `RunExists`, `StorageError`, `SandboxUnavailable`, `UnsafeRefused`.
        """
        options = options or Options()
        given = check_limits(limits or {})
        models = _choose_models(options)
        if options.proposer == "auto":
            options = replace(options, proposer="llm" if models else "mix")
        find("proposer", options.proposer, _known())
        sandbox = make_sandbox(task, options.sandbox)
        try:
            asking = {"ensemble": options.ensemble, "prompts": read_prompts(task.folder)}
            made = _make_models(models, on_notice)
            parts = _make_parts(task, task.seed, sandbox, options, made, asking)
            epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
            config = {
                "version": 1,
                "task": task.reference,
                "form": task.form.name if task.form.name in forms.FORMS else "native",
                "name": task.name,
                "evaluator": task.tree,
                "direction": task.settings.task.direction,
                "started": int(epoch) if epoch.isdigit() else int(time.time()),
                "seed": (task.settings.search.seed or 0) if options.seed is None else options.seed,
                "workers": options.workers or _workers(task),
                "sandbox": sandbox.name,
                "allow_unsafe": options.allow_unsafe,
                "proposer": options.proposer,
                "archive": options.archive,
                "strict": options.strict,
                "limits": dict(_limits(task, given)),
                **({"calls_in_flight": options.calls_in_flight} if models else {}),
                **(asking if options.proposer in ASKING else {}),
                **({"models": [model.stored() for model in models]} if models else {}),
            }
            run = Run.create(path, config)
        except BaseException:
            sandbox.close()
            raise
        try:
            return cls._open(run, parts, {}, None, on_trial=on_trial, on_notice=on_notice)
        except BaseException:
            run.discard()
            raise

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
        run = Run.open(path)
        chosen = None
        try:
            _check_config(run)
            known = _task_of(run)
            found = _same_task(task, known, run)
            asked = _models_of(run)
            models = tuple(_moved(model, base_url=base_url, api_key_env=api_key_env) for model in asked)
            chosen = make_sandbox(found, sandbox or run.config["sandbox"])
            parts = _parts_of(run, found, chosen, _make_models(models, on_notice))
        except BaseException:
            if chosen is not None:
                chosen.close()
            run.close()
            raise
        opened: dict[str, Any] = {"task": found.reference} if found.reference != known else {}
        opened |= {"models": [model.stored() for model in models]} if models != asked else {}
        return cls._open(run, parts, given, opened, on_trial=on_trial, on_notice=on_notice)

    @classmethod
    def _open(
        cls,
        run: Run,
        parts: _Parts,
        limits: Mapping[str, Any],
        opened: Mapping[str, Any] | None,
        *,
        on_trial: Callable[[Trial], None],
        on_notice: Callable[[str], None],
    ) -> Search:
        try:
            search = cls(run, parts, opened=opened, on_trial=on_trial, on_notice=on_notice)
        except BaseException:
            if parts.sandbox is not None:
                parts.sandbox.close()
            run.close()
            raise
        try:
            budget = search.evolution.budget
            search.evolution.replay(run.events(), unfinished=run.unfinished())
            budget.limits = {**budget.limits, **_counted(limits)}
            budget.seconds = limits.get("seconds", budget.seconds)
        except BaseException:
            search.close()
            raise
        return search

    def run(self) -> Result:
        """Search until the budget is used up or `stop` is called, then score seed and best on held-out instances.

        Raises as `Evolution.run` does; the run can be resumed after each error but one: when the task shows itself to
        be wrong before the seed of a new run was scored, nothing is left of the run.
        """
        try:
            self._check_budget()
            outcome = self.evolution.run()
        except TaskError:
            self._discard = self._fresh and self.evolution.learners.seed is None
            raise
        if outcome.reason == "interrupted":
            return Result(outcome, None, None)
        try:
            if "held_out" not in self.evolution.afterwards(lambda: self._evaluator.splits):
                return Result(outcome, None, None)
            return Result(outcome, self._held_out(outcome.seed), self._held_out(outcome.best))
        except Interrupted:
            return Result(replace(outcome, reason="interrupted"), None, None)

    def _check_budget(self) -> None:
        """Raise `TaskError` when repeats take so many evaluations that no trial could ever be begun."""
        limit, most = self.evolution.budget.limits.get("evaluations"), self._evaluator.most
        needed = self.task.settings.evaluator.times + most
        if most > 1 and limit is not None and limit < needed:
            raise TaskError(
                f"the seed and one trial of this task may take {needed} evaluations, for [evaluator] in its task.toml "
                f"asks for repeats, and there are only {limit}: give more with --evaluations, or ask for fewer repeats"
            )

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
            last.callback(self._evaluator.close)
            last.callback(self._end_asking)

    def _end_asking(self) -> None:
        if self._meter is not None:
            if flying := self._meter.flying:
                self._notice(f"Waiting a moment for {flying} answers of models, which are paid for.")
            self._meter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_parts(
    task: Task, seed: Program, sandbox: Sandbox | None, options: Options, models: Models, asking: Mapping[str, Any]
) -> _Parts:
    if sandbox is not None:
        require_safe(sandbox, untrusted=options.proposer not in PROPOSERS, allow_unsafe=options.allow_unsafe)
    regions = Regions(seed, task.settings.task.editable)
    archive = make("archive", options.archive, ARCHIVES, ("tell", "sample"))
    if models and options.proposer in PROPOSERS:
        raise TaskError(f"the proposer {options.proposer!r} asks no models; leave out either it or the models")
    if not models and options.proposer in ASKING:
        raise TaskError(f"the proposer {options.proposer!r} asks models, and there are none: name one with --model")
    proposer: Proposer
    if options.proposer in ASKING:
        proposer = ASKING[options.proposer](regions, models, **_asking(task, asking))
    else:
        given = (regions, models) if models else (regions,)
        proposer = make("proposer", options.proposer, _known(), ("plan", "tell"), *given)
    return _Parts(task, seed, regions, archive, proposer, sandbox, models)


def _parts_of(run: Run, task: Task, sandbox: Sandbox | None, models: Models) -> _Parts:
    """What a run began with."""
    config = run.config
    options = Options(proposer=config["proposer"], archive=config["archive"], allow_unsafe=config["allow_unsafe"])
    return _make_parts(task, _seed_of(run) or task.seed, sandbox, options, models, config)


def replay(
    path: Path, *, task: str | None = None, sandbox: str | None = None, witness: Callable[[str], None]
) -> Replayed:
    """Make the run at `path` again, in a folder that is thrown away: each selection, prompt and proposal.

    Models answer from the transcript and evaluations come from the journal, so nothing is asked and nothing runs; with
    a `sandbox` every program is evaluated anew, and the journal's evaluation counts. `witness` hears of everything that
    comes out otherwise, trial by trial, and of branches whose commits are others.

    Raises as `Search.resume` does, and `RunNotFound` for a clone: what was asked and answered is in no commit.
    """
    if needs_recovery(path):
        raise RunNotFound(
            f"{path} has commits and no journal, as a clone has: what was asked and answered is not in git, so replay "
            f"the run that it was cloned from"
        )
    run = Run.open(path)
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="evolve-replay-") as folder:
        stack.callback(run.close)
        _check_config(run)
        found = _same_task(task, _task_of(run), run)
        models = tuple((Silent(model.name), model.weight) for model in _models_of(run))
        chosen = stack.enter_context(closing(make_sandbox(found, sandbox))) if sandbox is not None else None
        parts = _parts_of(run, found, chosen, models)
        anew = None
        if chosen is not None:
            scorer = make_scorer(found, chosen, strict=run.config.get("strict", False))
            anew = Anew(stack.enter_context(closing(scorer)), witness)
        meter, budget = None, Budget()
        if models:
            kept = Path(folder, "transcript.jsonl")
            try:
                if (run.state / kept.name).exists():
                    shutil.copy(run.state / kept.name, kept)
            except OSError as error:
                raise StorageError(f"cannot copy the transcript to {kept}: {error.strerror}; make room") from error
            meter = Meter(budget, Transcript(kept), [model for model, _ in models])
            stack.callback(meter.close)
        lineage = Lineage(Path(folder, "run"), started=run.config["started"], config=run.config_text)
        scratch = Journal(Path(folder, "journal.jsonl"))
        stack.callback(scratch.close)
        evolution = Evolution(
            seed_program=parts.seed,
            journal=scratch,
            lineage=lineage,
            archive=parts.archive,
            proposer=parts.proposer,
            evaluator=anew or Unasked(),
            budget=budget,
            regions=parts.regions,
            seed=run.config["seed"],
            meter=meter,
        )
        try:
            evolution.replay(run.events(), unfinished=(), witness=witness)
        finally:
            lineage.close()
        branches = _compare_branches(Path(folder, "run"), path, witness)
        return Replayed(evolution.learners.told, branches, anew.compared if anew else 0)


def _compare_branches(again: Path, path: Path, witness: Callable[[str], None]) -> dict[str, str]:
    """The branches that came out, with their commits."""
    with git.Repo(again) as mine, git.Repo(path) as theirs:
        found = {head.name: head.commit.hexsha for head in mine.heads}
        there = {head.name: head.commit.hexsha for head in theirs.heads}
    for name, commit in found.items():
        if there.get(name) != commit:
            witness(f"branch {name}: {commit} came out, and the run has {there.get(name, 'none')}")
    return found


def _asking(task: Task, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a proposer of ours that asks models is told: of the task, and how the run began."""
    settings = task.settings.task
    return {
        "task": settings.description,
        "direction": settings.direction,
        "templates": config["prompts"],
        "ensemble": config["ensemble"],
    }


def _known() -> Mapping[str, Callable[..., Proposer]]:
    return {**PROPOSERS, **ASKING}


def _choose_models(options: Options) -> tuple[ModelSettings, ...]:
    if not options.models and options.model_file is None:
        for name in ("base_url", "api_key_env", "prices"):
            if getattr(options, name):
                raise TaskError(f"{name} is for models, and there are none: name one with --model")
        return ()
    prices = list(options.prices)
    if options.base_url is None and not prices and "simulated" in (name.partition("=")[0] for name in options.models):
        prices.append("simulated=0/0")
    return choose_models(
        options.models,
        file=Path(options.model_file) if options.model_file is not None else None,
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        prices=prices,
        inside={"simulated"},
    )


def _make_models(models: Sequence[ModelSettings], on_notice: Callable[[str], None]) -> Models:
    return tuple((_make_model(model, on_notice), model.weight) for model in models)


def _make_model(model: ModelSettings, on_notice: Callable[[str], None]) -> Model:
    """The one that is simulated answers in this process, unless it is said where it is served."""
    if model.service_name == "simulated" and model.base_url == OPENAI_URL:
        return SimulatedModel(model.name)
    return OpenAIModel(model, on_notice=on_notice)


def _models_of(run: Run) -> tuple[ModelSettings, ...]:
    """The models of the last session."""
    tables = run.config.get("models", [])
    for event in run.events("opened"):
        tables = event.get("models", tables)
    return stored_models(tables, run.state / "config.toml")


def _moved(model: ModelSettings, **given: str | None) -> ModelSettings:
    """The model, asked somewhere else. Raises `TaskError` for an address that is none."""
    over = {name: value for name, value in given.items() if value is not None}
    return stored_models([{**model.stored(), **over}], Path(f"the model {model.name!r}"))[0]


def _in_flight(workers: int, calls: int) -> tuple[int, int | None]:
    """How many trials, and how many proposals of them, may be under way.

    One worker and one call are a promise: the same seed, the same commits. Else proposals keep ahead of the evaluators:
    by one where they cost next to nothing, and by another one for each worker where models are asked, so that an answer
    that comes late idles nobody.
    """
    if workers == 1 and calls <= 1:
        return 1, None
    return (calls + 2 * workers, calls) if calls else (workers + 1, None)


def _check_config(run: Run) -> None:
    if missing := sorted(_CONFIG - run.config.keys()):
        raise RunDamaged(
            f"{run.state / 'config.toml'} lacks {', '.join(missing)}; the ledger has a whole copy: "
            f"git -C {quote(str(run.path))} show trials:config.toml"
        )


def _task_of(run: Run) -> str:
    """Where the last session found the task."""
    reference: str = run.config["task"]
    for event in run.events("opened"):
        reference = event.get("task", reference)
    return reference


def _same_task(given: str | None, known: str, run: Run) -> Task:
    if given is None and Path(known).is_absolute() and not Path(known).exists():
        raise TaskError(
            f"the task of {run.path} is not at {known} any more; say where it is: "
            f"evolve resume {quote(str(run.path))} --task DIR"
        )
    task = forms.load(given or known, run.config.get("form", "native"))
    if task.tree != run.config["evaluator"]:
        raise TaskError(
            f"the evaluator in {task.folder} has changed since {run.path} began, so scores cannot be compared; "
            f"give the unchanged folder with --task, or begin a new run"
        )
    return task


def _limits(task: Task, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The limits given; the task's when there are none; a number of trials when it has none either."""
    defaults = check_limits(task.settings.search.limits)
    return given or defaults or {"trials": DEFAULT_TRIALS}


def _workers(task: Task) -> int:
    processors = len(os.sched_getaffinity(0))
    return min(task.settings.search.workers or processors, processors)


def _counted(limits: Mapping[str, Any]) -> dict[str, int]:
    return {key: value for key, value in limits.items() if key != "seconds"}


def _seed_of(run: Run) -> Program | None:
    """The seed that a run began with; its task's may have been edited since."""
    for event in run.events():
        if event["event"] == "proposed":
            return decode_proposal(event, None).program
    return None
