"""`evolve resume RUN`: continue a search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from evolve.cli.options import LIMITS, as_json, limit_options, run_argument, sandbox_option, service_options

__all__ = ["command"]


@click.command(name="resume")
@run_argument
@limit_options("a new total, earlier sessions included")
@sandbox_option
@service_options
@click.option("--task", help="Where the task's folder is, when it has moved.")
@click.option("--quiet", "-q", is_flag=True, help="Show only the result.")
@as_json
def command(path: Path, quiet: bool, as_json: bool, **options: Any) -> None:
    """Continue RUN, or the clone of one: what was stopped, killed, or gets more budget.

    Limits that are not given stay as they were.
    """
    from evolve.cli.session import search
    from evolve.search import Search

    limits = {key: value for key in LIMITS if (value := options.pop(key)) is not None}
    search(
        partial(Search.resume, path, limits=limits, **options),
        quiet=quiet,
        as_json=as_json,
    )
