"""`evolve list`: the runs there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from evolve.cli.options import as_json, read_run, runs_option
from evolve.cli.printing import elapsed, one_line, print_json, print_table, state
from evolve.errors import EvolveError, StorageError

__all__ = ["command"]


@click.command(name="list")
@runs_option
@as_json
def command(runs: Path, as_json: bool) -> None:
    """List the runs below ./runs, the newest last."""
    try:
        folders = [path for path in runs.iterdir() if _may_be_run(path)] if runs.is_dir() else []
    except OSError as error:
        raise StorageError(f"cannot read {runs}: {error.strerror}") from error
    rows = [_row(path) for path in folders]
    rows.sort(key=lambda row: (row["started"], row["run"]))
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(f"There are no runs in {runs}. Begin one: evolve run bin_packing")
    else:
        print_table(
            ["run", "task", "trials", "best", "time", "state"],
            [
                [row["run"], row["task"], row["trials"], row["best"], elapsed(row["seconds"]), row["state"]]
                for row in rows
            ],
        )


def _may_be_run(path: Path) -> bool:
    try:
        return (path / ".git").is_dir()
    except OSError:
        return True  # what cannot be read is listed with the reason


def _row(path: Path) -> dict[str, Any]:
    try:
        history = read_run(path)
        best = history.best.evaluation.score if any(trial.fitness is not None for trial in history.order) else None
    except EvolveError as error:
        why = f"unreadable: {one_line(str(error))}"
        row = {"task": "", "trials": 0, "best": None, "seconds": 0.0, "started": 0, "state": why}
    else:
        row = {
            "task": history.config.get("name", ""),
            "trials": max(len(history) - 1, 0),
            "best": best,
            "seconds": history.elapsed,
            "started": history.config["started"],
            "state": state(history),
        }
    return {"run": path.name, "path": str(path), **row}
