"""How the evaluations of one program are shown: all that is known of them, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from evolve.cli.printing import figure, one_line, without_controls
from evolve.errors import StorageError, TaskError
from evolve.types import Evaluation, Status
from evolve.words import quantity

if TYPE_CHECKING:
    from evolve.task import Task

__all__ = ["fields", "record", "require_new", "write_artifacts"]

_SHOWN = 3  # instances at each end


def fields(task: Task, evaluations: Sequence[Evaluation], stages: Sequence[str], sandbox: str) -> dict[str, str]:
    """Name -> text, empty for what there is not. Several evaluations are of one program; one without a score is told
    in detail before one with."""
    told = _told(evaluations)
    steps = _steps(told, stages)
    metrics = {name: value for name, value in told.metrics.items() if name not in steps}
    return {
        "status": _status(evaluations),
        "score": _score(evaluations),
        "stages": "\n".join(f"{name}  {text}" for name, text in steps.items()),
        "objectives": _listed(dict(_unturned(task, told))),
        "metrics": _listed(metrics),
        "measures": _listed(told.measures),
        "instances": _instances(told.instances, lowest_worst=task.settings.task.direction == "maximize"),
        "feedback": without_controls(told.feedback).strip(),
        "artifacts": ", ".join(
            f"{one_line(name)} ({quantity(len(data), 'byte')})" for name, data in told.artifacts.items()
        ),
        "took": _took(task, evaluations, sandbox),
    }


def record(task: Task, evaluations: Sequence[Evaluation], stages: Sequence[str], sandbox: str) -> dict[str, Any]:
    """The same as data: of the evaluation that is told in detail, and the score of each."""
    told = _told(evaluations)
    scores = _scores(evaluations)
    whole = len(scores) == len(evaluations)
    return {
        "status": told.status,
        "score": fmean(scores) if whole else None,
        "fitness": fmean([each.fitness for each in evaluations if each.fitness is not None]) if whole else None,
        "deviation": stdev(scores) if whole and len(scores) > 1 else None,
        "runs": [
            {"seed": seed, "status": each.status, "score": each.score, "seconds": each.cost.seconds}
            for seed, each in enumerate(evaluations)
        ],
        "stages": {name: told.metrics.get(name) for name in stages[:-1]},
        "objectives": dict(_unturned(task, told)),
        "metrics": told.metrics,
        "measures": told.measures,
        "instances": told.instances,
        "feedback": told.feedback,
        "artifacts": {name: len(data) for name, data in told.artifacts.items()},
        "seconds": fmean(each.cost.seconds for each in evaluations),
        "cpu_seconds": fmean(each.cost.cpu_seconds for each in evaluations),
        "memory_bytes": max(each.cost.memory_bytes for each in evaluations),
        "limits": {"seconds": _seconds(task), "memory_bytes": task.limits.memory_bytes},
        "sandbox": sandbox,
    }


def require_new(folder: Path) -> None:
    """Raise `TaskError` unless `folder` is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(f"{folder} is there already, and nothing is written over; give a new folder with --output")


def write_artifacts(evaluations: Sequence[Evaluation], folder: Path) -> None:
    """Write what the evaluation left into `folder`, which `require_new` let pass."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in _told(evaluations).artifacts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError as error:
        raise StorageError(f"cannot write {error.filename}: {error.strerror}") from error


def _told(evaluations: Sequence[Evaluation]) -> Evaluation:
    return next((each for each in evaluations if each.status is not Status.OK), evaluations[0])


def _scores(evaluations: Sequence[Evaluation]) -> list[float]:
    return [each.score for each in evaluations if each.score is not None]


def _status(evaluations: Sequence[Evaluation]) -> str:
    counts = Counter(str(each.status) for each in evaluations)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{status} {quantity(count, 'time')}" for status, count in counts.most_common())


def _score(evaluations: Sequence[Evaluation]) -> str:
    scores = _scores(evaluations)
    if len(scores) < 2:
        return figure(scores[0]) if scores else ""
    spread = f"standard deviation {figure(stdev(scores))}, from {figure(min(scores))} to {figure(max(scores))}"
    return f"{figure(fmean(scores))} (mean of {len(scores)}; {spread})"


def _steps(told: Evaluation, stages: Sequence[str]) -> dict[str, str]:
    """The stages in order with their scores; the last one's is the score, and it has no metric of its name."""
    if len(stages) < 2:
        return {}
    steps: dict[str, str] = {}
    for name in stages[:-1]:
        value = told.metrics.get(name)
        steps[name] = figure(value) if isinstance(value, int | float) else "not reached"
    steps[stages[-1]] = figure(told.score) if told.score is not None else "no score"
    return steps


def _unturned(task: Task, told: Evaluation) -> list[tuple[str, float]]:
    """The objectives in the user's own direction."""
    wanted = task.settings.objectives
    return [(name, value if wanted.get(name) == "maximize" else 0.0 - value) for name, value in told.objectives.items()]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{one_line(name)} {figure(value) if isinstance(value, int | float) else one_line(str(value))}"
        for name, value in values.items()
    )


def _instances(scores: Mapping[str, float], *, lowest_worst: bool) -> str:
    if not scores:
        return ""
    order = sorted(scores, key=scores.__getitem__, reverse=not lowest_worst)

    def named(names: Sequence[str]) -> str:
        return _listed({name: scores[name] for name in names})

    if len(order) <= 2 * _SHOWN:
        return named(order)
    return f"{len(order)}\nworst: {named(order[:_SHOWN])}\nbest: {named(order[: -_SHOWN - 1 : -1])}"


def _took(task: Task, evaluations: Sequence[Evaluation], sandbox: str) -> str:
    seconds = fmean(each.cost.seconds for each in evaluations)
    cpu = fmean(each.cost.cpu_seconds for each in evaluations)
    memory = max(each.cost.memory_bytes for each in evaluations)
    limits = f"of {_seconds(task):g} s", f"of {task.limits.memory_bytes >> 20} MiB"
    return (
        f"{seconds:.3f} s {limits[0]}, {cpu:.3f} s of processor time, {memory / 2**20:.0f} {limits[1]}, "
        f"sandbox {sandbox}"
    )


def _seconds(task: Task) -> float:
    """The time that one evaluation may take, its build included."""
    settings = task.settings
    return settings.evaluator.timeout + (settings.task.build_timeout if settings.task.build else 0.0)
