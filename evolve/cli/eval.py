"""`evolve eval TASK [PROGRAM]`: score one program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve.cli.options import as_json, form_option, sandbox_option
from evolve.cli.printing import figure, one_line, print_fields, print_json, without_controls
from evolve.errors import TaskError
from evolve.types import Evaluation, Program

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
@form_option
@sandbox_option
@as_json
def command(task: str, program: Path | None, split: str, form: str, sandbox: str | None, as_json: bool) -> None:
    """Score PROGRAM on TASK; the task's seed when it is not given.

    A folder is the whole program. A file stands in the place of the seed's file of the same name, else of its only
    file, else of the module whose functions are called.

    A program that fails is a result, so the exit code is 0 for it too.
    """
    from evolve import forms
    from evolve.config import make_evaluator, make_sandbox
    from evolve.regions import Regions

    found = forms.load(task, form)
    candidate, what = _candidate(program, found)
    rejected = Regions(found.seed, found.settings.task.editable).problem(candidate)
    chosen = make_sandbox(found, sandbox or "auto")
    evaluator = make_evaluator(found, chosen)
    try:
        if split not in evaluator.splits:
            raise TaskError(f"{found.folder} has no held-out instances: its evaluate() takes no argument `split`")
        evaluation = evaluator.evaluate(candidate, split="held_out" if split == "held_out" else "search")
    finally:
        evaluator.close()
        chosen.close()
    if as_json:
        print_json({"program": what, "rejected": rejected, **_record(evaluation, chosen.name)})
        return
    cost = evaluation.cost
    print_fields(
        {
            "program": what,
            "note": f"a search would reject it: {one_line(rejected)}" if rejected else "",
            "status": evaluation.status,
            "score": figure(evaluation.score) if evaluation.score is not None else "",
            "metrics": ", ".join(
                f"{name} {figure(value) if isinstance(value, int | float) else one_line(str(value))}"
                for name, value in evaluation.metrics.items()
            ),
            "feedback": without_controls(evaluation.feedback).strip(),
            "took": f"{cost.seconds:.3f} s, {cost.memory_bytes / 2**20:.0f} MiB, sandbox {chosen.name}",
        }
    )


def _candidate(path: Path | None, task: Task) -> tuple[Program, str]:
    """The program that is meant, and what it is in words."""
    from evolve.folders import read_folder

    if path is None:
        return task.seed, "the seed"
    if path.is_dir():
        program = read_folder(path)
        if not program.files:
            raise TaskError(f"there is no file in {path}; a folder is the whole program")
        number = len(program.files)
        return program, f"the folder {path} ({number} file{'s' if number > 1 else ''})"
    if not path.is_file():
        raise TaskError(f"{path} is neither a file nor a folder; give one that holds a program")
    place = _place(path.name, task)
    try:
        program = task.seed.replace({place: path.read_bytes()})
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    rest = len(program.files) - 1
    others = f", with {rest} other file{'s' if rest > 1 else ''} of the seed" if rest else ""
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


def _record(evaluation: Evaluation, sandbox: str) -> dict[str, object]:
    return {
        "status": evaluation.status,
        "score": evaluation.score,
        "fitness": evaluation.fitness,
        "metrics": evaluation.metrics,
        "measures": evaluation.measures,
        "instances": evaluation.instances,
        "feedback": evaluation.feedback,
        "seconds": evaluation.cost.seconds,
        "cpu_seconds": evaluation.cost.cpu_seconds,
        "memory_bytes": evaluation.cost.memory_bytes,
        "sandbox": sandbox,
    }
