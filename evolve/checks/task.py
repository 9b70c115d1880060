"""The check of a task, from what costs nothing to what costs a few evaluations."""

from __future__ import annotations

from collections.abc import Iterator

from evolve.checks import canary, scores, settings
from evolve.checks.finding import Finding
from evolve.errors import TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.regions import Regions
from evolve.task import Task
from evolve.types import Evaluation, Status

__all__ = ["check"]


def check(task: Task, evaluator: NativeEvaluator, *, repeats: int = 3, workers: int = 1) -> Iterator[Finding]:
    """What is to be said of `task`, as it is found. `evaluator` is what a search with so many `workers` would use.

    The seed is scored `repeats` times (at least 2), as often with several seeds where the evaluator takes them, once on
    the held-out instances, and two programs that nobody searches for are scored once.

    Raises `Fault` when the surroundings fail.
    """
    found = [*settings.changes(task)]
    yield from found
    yield from settings.isolation(task)
    try:
        splits, takes_seed, stages = evaluator.splits, evaluator.seeds, evaluator.stages
    except TaskError as error:
        yield Finding("error", "evaluator", str(error), "correct it; nothing can be scored before")
        return
    if len(stages) > 1:
        yield Finding("ok", "stages", ", ".join(stages))
    first = evaluator.evaluate(task.seed)
    yield scores.start(task, first)
    if first.status is not Status.OK:
        return
    again = [first, *(evaluator.evaluate(task.seed) for _ in range(repeats - 1))]
    yield scores.noise(task, again)
    yield from scores.known(task, again)
    # a form of another tool's always passes a seed on, and no evaluator of its has to look at it
    if takes_seed and task.form.folder is None:
        yield scores.seeds([first, *(evaluator.evaluate(task.seed, seed=seed) for seed in range(1, repeats))])
    other = evaluator.evaluate(task.seed, split="held_out") if "held_out" in splits else None
    yield scores.held_out(task, first, other, exact=len({each.score for each in again}) == 1)
    yield from _odd_programs(task, evaluator, first, regions=not any(each.level == "error" for each in found))
    yield from scores.limits(task, first)
    yield scores.cost(task, again, workers)


def _odd_programs(task: Task, evaluator: NativeEvaluator, seed: Evaluation, *, regions: bool) -> Iterator[Finding]:
    """What becomes of a program that shows where it is imported, and of one that is nonsense."""
    bird = canary.canary(task.seed)
    if bird != task.seed and task.form.folder is None:
        if canary.sang(evaluator.evaluate(bird)):
            text = "the evaluator imports or runs the program in its own process, where the program can set its score"
            fix = "call it through program.call, program.map or program.run, which run it in a sandbox of its own"
            yield Finding("error", "isolation", text, fix)
        else:
            yield Finding("ok", "isolation", "the program is not imported where it is scored")
    if not regions:
        return
    yield settings.proposals(task, seed)
    nonsense = evaluator.evaluate(canary.broken(task.seed, Regions(task.seed, task.settings.task.editable)))
    if nonsense.fitness is None or seed.fitness is None or nonsense.fitness < seed.fitness:
        how = str(nonsense.status) if nonsense.fitness is None else f"score {nonsense.score:.6g}"
        yield Finding("ok", "nonsense", f"a program of nonsense is worse than the seed: {how}")
    else:
        text = f"a program of nonsense has the score {nonsense.score:.6g}, and the seed {seed.score:.6g}"
        yield Finding(
            "error", "nonsense", text, "evaluate() has to look at what the program does, and let its errors through"
        )
