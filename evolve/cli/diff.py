"""`evolve diff RUN A [B]`: what differs between two programs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from evolve.cli.difference import coloured, difference
from evolve.cli.options import read_run, run_argument, trial_argument
from evolve.types import Program

__all__ = ["command"]


@click.command(name="diff")
@run_argument
@trial_argument("a", required=True)
@trial_argument("b", required=False)
def command(path: Path, a: int | str, b: int | str | None) -> None:
    """Show what differs between the programs of trials A and B, or what A changed in its first parent.

    A trial is its number, or `best`, or `seed`.
    """
    history = read_run(path)
    trial = history.find(a)
    if b is not None:
        old, new = trial.program, history.find(b).program
    else:
        old = history.program(trial.parents[0]) if trial.parents else Program({})
        new = trial.program
    lines = difference(old, new)
    for line in coloured(lines) if sys.stdout.isatty() else lines:
        click.echo(line)
