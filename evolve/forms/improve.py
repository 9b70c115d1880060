"""A task whose programs are scaffolds, scored by what they do elsewhere: `[improve]` or `[solve]` in `task.toml`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from evolve.errors import TaskError
from evolve.sandboxes.recipe import Surroundings
from evolve.task import Task
from evolve.types import Program, Split

__all__ = ["Others", "families_of", "others", "pinned"]


@dataclass(frozen=True)
class Others:
    """The tasks that scaffolds are tried on: those that steer, and those of reports; or the one benchmark."""

    tasks: tuple[Task, ...]
    held_out: tuple[Task, ...]


def others(task: Task, load: Callable[[str], Task]) -> Others:
    """The tasks that `task` names. Raises `TaskError` for those that cannot be used."""
    table, settings = task.settings.improve, task.settings
    both = [*table.tasks, *table.held_out]
    benchmark = settings.solve.benchmark
    for wrong, problem in (
        (table.tasks and benchmark, "[solve]: there is [improve], too; leave one of them"),
        (settings.evaluator.command, "[evaluator] command: scaffolds have another evaluator; leave it out"),
        (settings.evaluator.cache, "[evaluator] cache: a scaffold's score depends on what models answer; leave it out"),
        (settings.task.direction != "maximize", "[task] direction: of what a scaffold gains more is better"),
        (len(set(both)) < len(both), f"[improve]: a task stands twice in {both}; name each once"),
    ):
        if wrong:
            raise TaskError(f"{task.folder / 'task.toml'}: {problem}")
    if benchmark is not None:
        return Others((_other(task, benchmark, load),), ())
    return Others(*(tuple(_other(task, name, load) for name in names) for names in (table.tasks, table.held_out)))


def families_of(task: Task, load: Callable[[str], Task], split: Split = "search") -> tuple[str, ...]:
    """The families of instances that pairs of scaffolds are compared in: the names of the split's tasks. It is ("",),
    the score as a whole, for a benchmark, whose instances are other ones in each pair, and for a utility."""
    table = task.settings.improve
    if not table.tasks or task.settings.utility.score < 1.0:
        return ("",)
    found = others(task, load)
    names = [other.name for other in (split == "held_out" and found.held_out) or found.tasks]
    if table.each == 1:
        return tuple(names)
    return tuple(f"{name}-{number}" for name in names for number in range(table.each))


def pinned(task: Task, found: Others) -> Task:
    """The task, identified by all that its scores come from: the evaluators and seeds of the others, too."""
    parts = {"own": task.tree}
    for other in (*found.tasks, *found.held_out):
        parts[f"others/{other.name}"] = f"{other.tree} {other.seed.tree} {other.form.identity}"
    return replace(task, tree=Program({name: text.encode() for name, text in parts.items()}).tree)


def _other(task: Task, name: str, load: Callable[[str], Task]) -> Task:
    improves = bool(task.settings.improve.tasks)
    where = f"{task.folder / 'task.toml'}: [{'improve' if improves else 'solve'}]: {name!r}"
    beside = task.folder / name
    other = load(str(beside) if (beside / "task.toml").is_file() else name)
    if other.settings.of_scaffolds:
        raise TaskError(f"{where} is a task for scaffolds itself; name tasks that need no model to be scored")
    if improves and other.settings.task.best_known is None:
        raise TaskError(f"{where} has no best_known in its task.toml, which says how far there is to go; add it there")
    if other.surroundings != Surroundings():
        raise TaskError(f"{where} asks for surroundings of its own in [sandbox], and all tasks of one run share theirs")
    return other
