"""From a task to what scores its programs: sandbox, evaluator, and around it repeats, races and the cache."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import numpy as np

from evolve import forms
from evolve.archives.top import Top
from evolve.errors import TaskError
from evolve.evaluation.cache import Cached
from evolve.evaluation.improve import Downstream, Improve, Relay
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.repeats import Race, Repeats
from evolve.evaluation.rules import Rules
from evolve.evaluation.scorer import Scorer
from evolve.evaluation.sealed import sealed
from evolve.evaluation.solve import Attempt, Benchmark, Solve
from evolve.evaluation.utility import weighed
from evolve.forms import improve
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.proposers.solver import Solver
from evolve.regions import Regions
from evolve.rooms import Rooms
from evolve.sandboxes import cache, harness
from evolve.sandboxes.choose import choose, require_able
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.sandboxes.proof import prove
from evolve.scaffolds import smoke_problem
from evolve.task import Task
from evolve.types import Model, Program, Sandbox

__all__ = ["Asking", "make_evaluator", "make_sandbox", "make_scorer", "repeated"]

_SCAFFOLDS = 100
"""That run in one session, one after another; each does a whole search."""


@dataclass(frozen=True)
class Asking:
    """How an evaluator asks models: those there are, with their weights, and the way to them for a key of its own; and
    the secret that keeps what is drawn from programs that ask, where there is one."""

    models: Sequence[tuple[Model, float]]
    relay: Callable[[int], Relay]
    secret: str = ""


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
    except BaseException:  # an interrupt, too, leaves no sandbox behind
        chosen.close()
        raise
    return chosen


def make_evaluator(task: Task, sandbox: Sandbox, *, strict: bool = False) -> NativeEvaluator:
    """What scores programs for `task` in `sandbox`; the caller closes both.

    `strict` is added to what the task says. GPUs are always used strictly: nothing may have touched one before a fork.
    Raises `TaskError` for a task of scaffolds: to score one asks models.
    """
    settings, form = task.settings, task.form
    if settings.of_scaffolds:
        raise TaskError(
            f"the programs of {task.name} are scaffolds, and to score one asks models, which only a search does: "
            f"evolve run {task.reference} --model NAME"
        )
    return NativeEvaluator(
        sandbox=sandbox,
        folder=form.folder or task.folder,
        entry="evaluate.py" if form.folder else settings.evaluator.file,
        extra={**_seed_beside(task), **form.extra},
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


def make_scorer(
    task: Task,
    sandbox: Sandbox,
    *,
    strict: bool = False,
    asking: Asking | None = None,
    on_notice: Callable[[str], None] = lambda _: None,
) -> Repeats:
    """The evaluator of a search: `make_evaluator`, with the task's repeats, races and cache; or that of scaffolds.

    Raises `TaskError` for a task of scaffolds when there are no models to ask.
    """
    scorer: Scorer
    if task.settings.of_scaffolds:
        made = _of_scaffolds(task, sandbox, asking, on_notice, strict=strict)
        hidden = sealed(made, asking.secret if asking is not None else "")
        scorer = weighed(hidden, **task.settings.utility.model_dump())
    else:
        scorer = _cached(make_evaluator(task, sandbox, strict=strict), task, sandbox, strict=strict, notice=on_notice)
    return repeated(scorer, task)


def repeated(scorer: Scorer, task: Task) -> Repeats:
    """The scorer, with the repeats and races that the task asks for."""
    settings, race = task.settings.evaluator, None
    if settings.repeats_most is not None:
        race = Race(
            least=settings.times,
            most=settings.repeats_most,
            confidence=settings.confidence,
            noise_range=settings.noise_range,
        )
    return Repeats(scorer, repeats=settings.repeats, race=race, direction=task.settings.task.direction)


def _cached(scorer: Scorer, task: Task, sandbox: Sandbox, *, strict: bool, notice: Callable[[str], None]) -> Scorer:
    """With the cache, where the task asks for it and the sandbox can keep programs away from it."""
    if task.settings.evaluator.cache:
        place = cache.folder()
        if Guarantee.FILES in missing(sandbox):
            notice(f"Nothing is cached: in the {sandbox.name} sandbox programs could write to the cache.")
        elif place is not None:
            return Cached(scorer, place / "evaluations", _identity(task, sandbox, strict=strict))
    return scorer


def _of_scaffolds(
    task: Task, sandbox: Sandbox, asking: Asking | None, notice: Callable[[str], None], *, strict: bool
) -> Scorer:
    """What scores scaffolds. All that runs for it runs in the same sandbox, in sessions of its own."""
    if asking is None or not asking.models:
        raise TaskError(f"the programs of {task.name} are scaffolds, which ask models: name one with --model")
    strict = strict or task.settings.sandbox.strict
    table, found = task.settings.improve, improve.others(task, forms.load)
    smoke = partial(smoke_problem, sandbox=sandbox, limits=task.limits, seconds=task.settings.evaluator.call_timeout)
    rooms = Rooms(sandbox, task.limits, most=1 if strict else _SCAFFOLDS)
    scored = partial(_scored, sandbox=sandbox, strict=strict, notice=notice)
    if task.settings.solve.benchmark is not None:
        other = found.tasks[0]
        benchmark = _benchmark(task, other, scored(other), rooms, asking)
        try:
            return Solve(
                benchmark, relay=asking.relay, smoke=smoke, each=task.settings.solve.each, on_close=rooms.close
            )
        except ValueError as error:
            raise TaskError(f"{task.folder / 'task.toml'}: [solve] benchmark: {error}") from error
    made = [
        [_downstream(task, other, scored(other), rooms, asking) for other in part]
        for part in (found.tasks, found.held_out)
    ]
    return Improve(
        made[0],
        held_out=made[1],
        relay=asking.relay,
        archive=Top,
        smoke=smoke,
        calls=table.calls,
        each=table.each,
        staged=table.staged,
        on_close=rooms.close,
    )


def _scored(other: Task, *, sandbox: Sandbox, strict: bool, notice: Callable[[str], None]) -> Scorer:
    """What scores the programs of a task that scaffolds are tried on."""
    return _cached(make_evaluator(other, sandbox, strict=strict), other, sandbox, strict=strict, notice=notice)


def _benchmark(task: Task, other: Task, evaluator: Scorer, rooms: Rooms, asking: Asking) -> Benchmark:
    regions = Regions(other.seed, other.settings.task.editable)

    def solve(program: Program, files: Mapping[str, str], seed: int, relay: Relay) -> Attempt:
        solver = Solver(
            asking.models,
            sandbox=rooms,
            task=other.settings.task.description,
            calls=task.settings.solve.calls,
            seconds=task.settings.evaluator.call_timeout,
        )
        return Attempt(*solver.solve(program, other.seed, files, regions, seed, relay))

    return Benchmark(name=other.name, seed=other.seed, evaluator=evaluator, solve=solve)


def _downstream(task: Task, other: Task, evaluator: Scorer, rooms: Rooms, asking: Asking) -> Downstream:
    settings = other.settings.task
    best = settings.best_known
    assert best is not None
    regions = Regions(other.seed, settings.editable)
    proposer = partial(
        ScaffoldProposer,
        regions,
        asking.models,
        sandbox=rooms,
        task=settings.description,
        direction=settings.direction,
        evaluations=task.settings.improve.evaluations,
        seconds=task.settings.evaluator.call_timeout,
        whole=True,
    )
    return Downstream(
        name=other.name,
        seed=other.seed,
        regions=regions,
        evaluator=evaluator,
        best_known=best if settings.direction == "maximize" else -best,
        proposer=lambda program, calls: proposer(program=program, calls=calls),
    )


def _identity(task: Task, sandbox: Sandbox, *, strict: bool) -> list[str]:
    """What scores depend on beside the program: the task, its seed (evaluators may read it), what runs them."""
    own: Callable[[], str] | None = getattr(sandbox, "identity", None)
    tools = hashlib.sha256()
    for name, content in harness.files().items():
        tools.update(f"\0{name}\0".encode() + content)
    return [
        version("evolve"),
        tools.hexdigest(),
        sys.version,
        np.__version__,
        sandbox.name,
        own() if own is not None else "",
        str(strict),
        task.form.identity,
        task.tree,
        task.seed.tree,
    ]


def _seed_beside(task: Task) -> dict[str, bytes]:
    """A seed that lies elsewhere, as if it were in the task's folder, where evaluators find those that do."""
    if task.seed_path is None or task.seed_path.resolve().is_relative_to(task.folder.resolve()):
        return {}
    return {f"seed/{path}": content for path, content in task.seed.files.items()}
