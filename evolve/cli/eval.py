"""`evolve eval TASK [PROGRAM]`: score one program."""

from __future__ import annotations

from pathlib import Path

import click

from evolve.cli.options import as_json, sandbox_option
from evolve.cli.printing import figure, one_line, print_fields, print_json, without_controls
from evolve.errors import TaskError
from evolve.types import Evaluation, Program

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
@sandbox_option
@as_json
def command(task: str, program: Path | None, split: str, sandbox: str | None, as_json: bool) -> None:
    """Score PROGRAM, a file or a folder, on TASK; the task's seed when it is not given.

    A program that fails is a result, so the exit code is 0 for it too.
    """
    from evolve.config import make_evaluator, make_sandbox
    from evolve.folders import read_folder
    from evolve.task import Task

    found = Task.load(task)
    candidate = found.seed
    if program is not None:
        files = read_folder(program) if program.is_dir() else Program({_only_name(found.seed): program.read_bytes()})
        candidate = found.seed.replace(files.files)
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
        print_json(_record(evaluation, chosen.name))
        return
    cost = evaluation.cost
    print_fields(
        {
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


def _only_name(seed: Program) -> str:
    """The file that a single file given takes the place of."""
    if len(seed.files) != 1:
        raise TaskError(f"the programs of this task have {len(seed.files)} files; give a folder with all of them")
    return next(iter(seed.files))


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
