"""`evolve bench report`: who is ahead."""

from __future__ import annotations

from pathlib import Path

import click

from evolve.errors import StorageError, TaskError

__all__ = ["command"]


@click.command(name="report")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--baseline", metavar="POLICY", help="What the others are held against. [default: the first]")
@click.option("--policies", metavar="A,B,...", help="Only these, in this order.")
@click.option(
    "--threshold",
    "thresholds",
    multiple=True,
    metavar="[TASK=]SCORE",
    help="A score to come to. [default: the baseline's median, with all calls it had]",
)
@click.option(
    "--table", type=click.Path(path_type=Path, dir_okay=False), help="A Markdown file, instead of printing the table."
)
@click.option(
    "--figure", type=click.Path(path_type=Path, dir_okay=False), help="Draw it into this .svg, .png or .pdf file."
)
@click.option(
    "--data", type=click.Path(path_type=Path, dir_okay=False), help="Write all raw data into this Parquet file."
)
def command(
    places: tuple[Path, ...],
    baseline: str | None,
    policies: str | None,
    thresholds: tuple[str, ...],
    table: Path | None,
    figure: Path | None,
    data: Path | None,
) -> None:
    """Compare all runs whose raw data are in PLACES: folders of `evolve bench run`, and Parquet files of any searcher.

    Prints a table of scores and of calls to a threshold, with intervals and tests, as Markdown.
    """
    from evolve.bench.comparison import Comparison
    from evolve.bench.figure import draw
    from evolve.bench.rows import read, tables, write
    from evolve.bench.runs import runs_of
    from evolve.bench.table import as_markdown

    runs = [run for part in tables(places) for run in runs_of(part)]
    if data is not None:
        write(data, read(places))
    if policies is not None:
        wanted = policies.split(",")
        if unknown := [name for name in wanted if name not in {run.policy for run in runs}]:
            raise TaskError(f"there is no run of the policy {unknown[0]!r}")
        runs = sorted((run for run in runs if run.policy in wanted), key=lambda run: wanted.index(run.policy))
    tasks = list(dict.fromkeys(run.task for run in runs))
    comparison = Comparison(runs, baseline=baseline, thresholds=_thresholds(thresholds, tasks))
    text = as_markdown(comparison)
    if table is None:
        click.echo(text, nl=False)
    else:
        try:
            table.write_text(text)
        except OSError as error:
            raise StorageError(f"cannot write {table}: {error.strerror}") from error
    if figure is not None:
        draw(comparison, figure)


def _thresholds(texts: tuple[str, ...], tasks: list[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        task, _, score = text.rpartition("=")
        try:
            value = float(score)
        except ValueError:
            raise click.BadParameter(f"{text!r} is no threshold: give TASK=SCORE", param_hint="--threshold") from None
        if not task and len(tasks) > 1:
            raise click.BadParameter(
                f"say of which task {text} is: TASK={text}, of {', '.join(tasks)}", param_hint="--threshold"
            )
        found[task or tasks[0]] = value
    return found
