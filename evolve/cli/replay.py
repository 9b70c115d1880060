"""`evolve replay RUN`: make a run again from what it recorded."""

from __future__ import annotations

from pathlib import Path

import click

from evolve.cli.options import as_json, run_argument
from evolve.cli.printing import print_fields, print_json

__all__ = ["command"]

_SHOWN = 20


@click.command(name="replay")
@run_argument
@click.option("--evaluate", is_flag=True, help="Evaluate every program anew, and say which scores differ.")
@click.option("--sandbox", metavar="NAME", help="Where, with --evaluate. [default: where the run did]")
@click.option("--task", help="Where the task's folder is, when it has moved.")
@as_json
def command(path: Path, evaluate: bool, sandbox: str | None, task: str | None, as_json: bool) -> None:
    """Make RUN again: each selection, prompt, proposal and commit, and say what comes out otherwise.

    Models answer from the transcript and scores come from the journal, so nothing is asked or paid for, and nothing
    runs but a scaffold that proposed. The run itself is left alone. The exit code is 1 when something differs.
    """
    from evolve.replaying import replay
    from evolve.run import read_config

    differences: list[str] = []
    where = (sandbox or read_config(path)[1]["sandbox"]) if evaluate else None
    replayed = replay(path, task=task, sandbox=where, witness=differences.append)
    if as_json:
        print_json(
            {
                "trials": replayed.told - 1,
                "branches": dict(replayed.branches),
                "evaluated": replayed.evaluated,
                "differences": differences,
            }
        )
    else:
        for difference in differences[:_SHOWN]:
            click.echo(difference)
        if len(differences) > _SHOWN:
            click.echo(f"and {len(differences) - _SHOWN} more")
        print_fields(
            {
                "trials": replayed.told - 1,
                "evaluated anew": replayed.evaluated or "",
                "best": replayed.branches.get("best", ""),
                "outcome": f"{len(differences)} differ" if differences else "identical commits",
            }
        )
    if differences:
        raise SystemExit(1)
