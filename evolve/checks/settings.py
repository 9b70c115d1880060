"""What can be said of a task without running anything: what may change, and what its form protects from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evolve.checks.finding import Finding
from evolve.checks.reading import runs_the_program
from evolve.errors import TaskError
from evolve.folders import task_files
from evolve.proposers.annotations import unread
from evolve.proposers.mix import Mix
from evolve.regions import Regions
from evolve.task import Task
from evolve.types import Context, Evaluation, Program, Selection, Trial
from evolve.words import quantity

__all__ = ["changes", "isolation", "proposals"]

_DRAWS = 5


def changes(task: Task) -> Iterator[Finding]:
    """What of the program may change: something, and not what nobody meant."""
    globs = task.settings.task.editable
    try:
        regions = Regions(task.seed, globs)
    except TaskError as error:
        yield Finding("error", "regions", str(error), "mark a region or correct `editable` in task.toml")
        return
    for pattern in globs:
        try:
            Regions(Program(dict.fromkeys(task.seed.files, b"")), [pattern])
        except TaskError:
            yield Finding("warning", "regions", f"{pattern!r} in `editable` matches no file of the seed", "correct it")
    paths = regions.paths(task.seed)
    spans = {path: regions.spans(task.seed, path) for path in paths}
    size = sum(end - start for path in paths for start, end in spans[path])
    blank = [path for path in paths if not any(task.seed.text(path)[a:b].strip() for a, b in spans[path])]
    number = len(task.seed.files)
    whole = [path for path in paths if spans[path] == [(0, len(task.seed.files[path].decode(errors="replace")))]]
    if blank:
        yield Finding(
            "warning", "regions", f"nothing stands in what may change of {', '.join(blank)}", "put code there"
        )
    elif len(whole) == number > 1 and not globs:
        yield Finding(
            "warning",
            "regions",
            f"all {number} files of the seed may change, whatever builds and runs it included",
            "mark regions with EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, or name files by `editable` in task.toml",
        )
    else:
        share = f"{', '.join(paths[:5])}{' and others' if len(paths) > 5 else ''}"
        where = f"{quantity(size, 'character')} in {len(paths)} of {quantity(number, 'file')}"
        yield Finding("ok", "regions", f"{where} may change: {share}")
    for comment in unread(regions, task.seed):
        where = f"{comment.path}:{comment.line}"
        yield Finding("warning", "tuning", f"{where}: {comment.comment!r} {comment.problem}", comment.fix)


def proposals(task: Task, evaluation: Evaluation) -> Finding:
    """Whether the proposers that need no model find something to change."""
    regions = Regions(task.seed, task.settings.task.editable)
    seed = Trial(number=0, program=task.seed, parents=(), operator="seed", summary="", evaluation=evaluation)
    mix = Mix.default(regions)
    mix.tell(seed)
    for draw in range(_DRAWS):
        context = Context(1, np.random.default_rng(draw))
        if not mix.plan(Selection(parents=(seed,)), context)().rejected:
            return Finding("ok", "proposers", "those without a model find something to change")
    return Finding(
        "warning",
        "proposers",
        "those without a model find nothing that they could change: no Python, and no number",
        "search with a model, or with a proposer of yours",
    )


def isolation(task: Task) -> Iterator[Finding]:
    """Whether the evaluator keeps away from the candidate's code, as far as its text tells."""
    for note in task.form.notes:
        yield Finding("warning", "form", note, "see docs/forms.md")
    if task.form.folder is None:
        yield from runs_the_program(task_files(task.folder, seed=task.seed_path))
