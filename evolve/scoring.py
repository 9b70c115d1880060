"""From a task to what scores its programs: sandbox, evaluator, and around it repeats, races and the cache."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

from evolve.evaluation.cache import Cached
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.repeats import Race, Repeats, Scorer
from evolve.evaluation.rules import Rules
from evolve.sandboxes import cache, harness
from evolve.sandboxes.choose import choose, require_able
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.sandboxes.proof import prove
from evolve.task import Task
from evolve.types import Sandbox

__all__ = ["make_evaluator", "make_sandbox", "make_scorer"]


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
    task: Task, sandbox: Sandbox, *, strict: bool = False, on_notice: Callable[[str], None] = lambda _: None
) -> Repeats:
    """The evaluator of a search: `make_evaluator`, with the task's repeats, races and cache."""
    settings = task.settings.evaluator
    scorer: Scorer = make_evaluator(task, sandbox, strict=strict)
    if settings.cache:
        place = cache.folder()
        if Guarantee.FILES in missing(sandbox):
            on_notice(f"Nothing is cached: in the {sandbox.name} sandbox programs could write to the cache.")
        elif place is not None:
            scorer = Cached(scorer, place / "evaluations", _identity(task, sandbox, strict=strict))
    race = None
    if settings.repeats_most is not None:
        race = Race(
            least=settings.times,
            most=settings.repeats_most,
            confidence=settings.confidence,
            noise_range=settings.noise_range,
        )
    return Repeats(scorer, repeats=settings.repeats, race=race, direction=task.settings.task.direction)


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
