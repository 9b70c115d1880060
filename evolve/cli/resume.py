"""`evolve resume RUN`: continue a search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from evolve.cli.options import as_json, limit_options, run_argument, sandbox_option

__all__ = ["command"]


@click.command(name="resume")
@run_argument
@limit_options("a new total, earlier sessions included")
@sandbox_option
@click.option("--task", help="Where the task's folder is, when it has moved.")
@click.option("--quiet", "-q", is_flag=True, help="Show only the result.")
@as_json
def command(path: Path, task: str | None, sandbox: str | None, quiet: bool, as_json: bool, **limits: Any) -> None:
    """Continue RUN, or the clone of one: what was stopped, killed, or gets more budget.

    Limits that are not given stay as they were.
    """
    from evolve.cli.session import search
    from evolve.config import Search

    given = {key: value for key, value in limits.items() if value is not None}
    search(
        partial(Search.resume, path, limits=given, sandbox=sandbox, task=task),
        quiet=quiet,
        as_json=as_json,
    )
