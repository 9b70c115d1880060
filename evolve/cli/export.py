"""`evolve export RUN`: the trials as a table for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evolve.cli.options import read_run, run_argument
from evolve.cli.printing import plain
from evolve.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["command"]

SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".json": "json"}
NESTED = ("parents", "metrics")


@click.command(name="export")
@run_argument
@click.option("--format", "-f", "form", type=click.Choice(["csv", "parquet", "json"]), help="Else by the file's name.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="A file, instead of printing.")
def command(path: Path, form: str | None, output: Path | None) -> None:
    """Write the trials of a run as CSV, Parquet or JSON, one row a trial, in the order in which they were told.

    In CSV and Parquet what is nested (parents, metrics) is JSON.
    """
    form = form or (SUFFIXES.get(output.suffix) if output else "csv")
    if form is None:
        raise click.UsageError(f"{output} does not end in .csv, .parquet or .json: add --format")
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"there is no folder {output.parent}; make it first, or write elsewhere")
    if form == "parquet" and output is None:
        raise click.UsageError("Parquet is not text: add --output FILE")
    trials = read_run(path).trials
    try:
        if form == "parquet":
            _flat(trials).to_parquet(output, index=False)
        else:
            # not pandas' own JSON, which rounds to 15 digits
            records = json.dumps(plain(trials.to_dict("records")), indent=1, ensure_ascii=False)
            text = records + "\n" if form == "json" else _flat(trials).to_csv(index=False)
            if output is not None:
                output.write_text(text)
            else:
                click.echo(text, nl=False)
    except OSError as error:
        raise StorageError(f"cannot write {output}: {error.strerror}") from error


def _flat(trials: pd.DataFrame) -> pd.DataFrame:
    columns = [column for column in NESTED if column in trials]
    return trials.assign(**{column: [json.dumps(value) for value in trials[column]] for column in columns})
