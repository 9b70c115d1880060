"""`evolve run TASK`: a new search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from evolve.cli.options import as_json, form_option, limit_options, runs_option, sandbox_option, usage

__all__ = ["command"]


@click.command(name="run")
@click.argument("task")
@limit_options("at most this many")
@click.option("--seed", type=click.IntRange(min=0), help="Of all random choices. [default: the task's, else 0]")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Evaluations at a time. [default: one for each processor, or fewer where the task says so]",
)
@form_option
@sandbox_option
@click.option("--allow-unsafe", is_flag=True, help="Let untrusted programs run without isolation.")
@click.option("--strict", is_flag=True, help="A fresh session for each candidate: slower, and nothing is shared.")
@click.option(
    "--proposer",
    default="mix",
    show_default=True,
    help="mutation, crossover, tuner or mix, or yours as module:attribute.",
)
@click.option("--archive", default="top", show_default=True, help="top, or yours as module:attribute.")
@click.option("--name", help="Of the run. [default: the task's name and a number]")
@runs_option
@click.option("--quiet", "-q", is_flag=True, help="Show only the result.")
@as_json
def command(task: str, runs: Path, name: str | None, form: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Search for better programs for TASK: the name of a bundled task, or a task folder.

    Without a limit the task's own limits hold. Ctrl-C once stops cleanly, twice kills; `evolve resume` continues.
    """
    from evolve import forms
    from evolve.api import free_name
    from evolve.cli.session import search
    from evolve.config import Search
    from evolve.options import Options, check_name

    limits = {key: value for key in ("trials", "evaluations", "seconds") if (value := options.pop(key)) is not None}
    found = forms.load(task, form)
    if name is not None:
        with usage("--name"):
            check_name(name)
    options["sandbox"] = options["sandbox"] or "auto"
    path = runs / (name or free_name(runs, found.name))
    search(
        partial(Search.start, found, path, limits=limits, options=Options(**options)),
        quiet=quiet,
        as_json=as_json,
    )
