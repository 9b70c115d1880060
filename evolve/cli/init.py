"""`evolve init FOLDER`: a task folder that works at once, to be changed into one's own."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click

from evolve.errors import StorageError, TaskError

__all__ = ["command"]

TASK = '''\
# A task: where the search starts, what scores a program, and how long to search.

[task]
name = "{name}"
description = """
Approximate sin(x) for x between 0 and 3 without calling it. The score is minus the mean error: higher is better.
"""
seed = "seed"             # the folder of the program that the search starts from
direction = "maximize"    # or "minimize", of the score

[evaluator]
file = "evaluate.py"
timeout = 10.0            # seconds for one evaluation
call_timeout = 2.0        # seconds for one call of the candidate

[limits]                  # of one candidate
memory_mb = 256

[search]
trials = 300
seconds = 60
'''

EVALUATE = '''\
"""Scores a program. This file runs apart from the candidate, which it reaches through `program` alone."""

import math

# The search is steered by one set of instances; the best program is then scored on the other, which it never saw.
POINTS = {
    "search": [3 * k / 20 for k in range(21)],
    "held_out": [3 * (k + 0.5) / 20 for k in range(20)],
}


def evaluate(program, split="search"):
    """Minus the mean error of the candidate's `predict`; what it returns is plain data."""
    points = POINTS[split]
    answers = program.map("predict", [[x] for x in points])
    errors = [abs(answer - math.sin(x)) for x, answer in zip(points, answers)]
    worst = max(range(len(points)), key=errors.__getitem__)
    return {
        "score": -sum(errors) / len(errors),
        "metrics": {"largest_error": errors[worst]},
        "feedback": f"the largest error, {errors[worst]:.4f}, is at x = {points[worst]:.2f}",
    }
'''

PROGRAM = '''\
"""An approximation of the sine. Only what is between the markers changes."""


# EVOLVE-BLOCK-START
def predict(x):
    """About sin(x), for x between 0 and 3."""
    if x < 1.0:
        return 0.6 * x
    if x < 2.0:
        return 0.8
    return 0.4


# EVOLVE-BLOCK-END
'''


@click.command(name="init")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a new task in FOLDER: settings, an evaluator and a seed program.

    It works at once: `evolve run FOLDER`. Then change it into your own. What FOLDER already holds stays as it is.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.resolve().name).lstrip("-.").strip("_") or "task"
    files = {"task.toml": TASK.format(name=name), "evaluate.py": EVALUATE, "seed/program.py": PROGRAM}
    if folder.exists() and not folder.is_dir():
        raise TaskError(f"{folder} is no folder; give the name of a new one")
    taken = [part for part in ("task.toml", "evaluate.py", "seed") if os.path.lexists(folder / part)]
    if taken:
        raise TaskError(f"{folder} already has {' and '.join(taken)}, and nothing is written over; give a new folder")
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
    except OSError as error:
        raise StorageError(f"cannot write {error.filename}: {error.strerror}") from error
    for path in files:
        click.echo(folder / path)
    shown = str(Path(".", folder))
    where = shlex.quote(shown if "/" in shown else f"./{shown}")
    click.echo(f"\nScore the seed:  evolve eval {where}\nSearch:          evolve run {where}")
