"""`evolve eval TASK [PROGRAM]`: score one program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve.cli.options import as_json, form_option, sandbox_option
from evolve.cli.printing import one_line, print_fields, print_json
from evolve.errors import TaskError
from evolve.types import Program, Split
from evolve.words import quantity

if TYPE_CHECKING:
    from evolve.task import Task

__all__ = ["command"]


@click.command(name="eval")
@click.argument("task")
@click.argument("program", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["search", "held_out"]),
    default="search",
    show_default=True,
    help="The instances that steer a search, or those that are kept back.",
)
@click.option("--stage", metavar="NAME", help="One stage of the evaluation alone.")
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    show_default="as the task says",
    help="Times to score it, each with another seed for an evaluate() that takes one.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the artifacts that the evaluation left into this new folder.",
)
@form_option
@sandbox_option
@as_json
def command(  # noqa: PLR0913 - one for each option
    task: str,
    program: Path | None,
    *,
    split: str,
    stage: str | None,
    repeats: int | None,
    output: Path | None,
    form: str,
    sandbox: str | None,
    as_json: bool,
) -> None:
    """Score PROGRAM on TASK; the task's seed when it is not given.

    A folder is the whole program. A file stands in the place of the seed's file of the same name, else of its only
    file, else of the module whose functions are called.

    A program that fails is a result, so the exit code is 0 for it too.
    """
    from evolve import forms
    from evolve.cli.evaluation import fields, record, require_new, write_artifacts
    from evolve.regions import Regions
    from evolve.scoring import make_evaluator, make_sandbox

    if output is not None:
        require_new(output)
    found = forms.load(task, form)
    candidate, what = _candidate(program, found)
    rejected = Regions(found.seed, found.settings.task.editable).problem(candidate) or ""
    chosen = make_sandbox(found, sandbox or "auto")
    evaluator = make_evaluator(found, chosen)
    repeats = repeats or found.settings.evaluator.times
    try:
        if split not in evaluator.splits:
            raise TaskError(f"{found.folder} has no held-out instances: its evaluate() takes no argument `split`")
        part: Split = "held_out" if split == "held_out" else "search"
        evaluations = [evaluator.evaluate(candidate, split=part, seed=seed, stage=stage) for seed in range(repeats)]
        stages = (stage,) if stage else evaluator.stages
        note = "" if repeats == 1 or evaluator.seeds else "evaluate() takes no seed: repeats tell noise alone"
    finally:
        evaluator.close()
        chosen.close()
    if output is not None:
        write_artifacts(evaluations, output)
    if as_json:
        told = record(found, evaluations, stages, chosen.name)
        notes = list(found.form.notes)
        print_json({"program": what, "rejected": rejected or None, "split": split, **told, "notes": notes})
        return
    shown = fields(found, evaluations, stages, chosen.name)
    if output is not None:
        shown["artifacts"] = f"{shown['artifacts']}, now in {output}" if shown["artifacts"] else "none"
    notes = [f"a search would reject it: {one_line(rejected)}" if rejected else "", note, *found.form.notes]
    print_fields({"program": what, "note": "\n".join(filter(None, notes)), **shown})


def _candidate(path: Path | None, task: Task) -> tuple[Program, str]:
    """The program that is meant, and what it is in words."""
    from evolve.folders import read_folder

    if path is None:
        return task.seed, "the seed"
    if path.is_dir():
        program = read_folder(path)
        if not program.files:
            raise TaskError(f"there is no file in {path}; a folder is the whole program")
        return program, f"the folder {path} ({quantity(len(program.files), 'file')})"
    if not path.is_file():
        raise TaskError(f"{path} is neither a file nor a folder; give one that holds a program")
    place = _place(path.name, task)
    try:
        program = task.seed.replace({place: path.read_bytes()})
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    rest = len(program.files) - 1
    others = f", with {quantity(rest, 'other file')} of the seed" if rest else ""
    return program, f"{path} as {place}{others}"


def _place(name: str, task: Task) -> str:
    """The file of the seed that one of that name stands for."""
    files = task.seed.files
    module = (task.settings.task.module or "").replace(".", "/") + ".py"
    same = [path for path in files if path.rpartition("/")[2] == name]
    for choice in (same, [*files], [path for path in files if path == module]):
        if len(choice) == 1:
            return choice[0]
    raise TaskError(
        f"{name} is not the name of one file of the seed, which has {', '.join(sorted(files))}; "
        f"give it the name of the one that it stands for, or a folder with the whole program"
    )
