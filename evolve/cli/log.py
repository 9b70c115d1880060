"""`evolve log RUN`: the trials of a run."""

from __future__ import annotations

from pathlib import Path

import click

from evolve.cli.options import as_json, read_run, run_argument
from evolve.cli.printing import describe, one_line, print_json, print_table
from evolve.types import Status, Trial

__all__ = ["command"]


@click.command(name="log")
@run_argument
@click.option("-n", "--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many; 0 for all.")
@click.option(
    "--order",
    type=click.Choice(["score", "number"]),
    default="score",
    show_default=True,
    help="Best first, or newest first.",
)
@click.option("--status", type=click.Choice([*map(str, Status)]), help="Only trials that ended like this.")
@as_json
def command(path: Path, limit: int, order: str, status: str | None, as_json: bool) -> None:
    """List the trials of a run: a leaderboard, or its history."""
    history = read_run(path)
    trials = [trial for trial in history.order if status in {None, trial.evaluation.status}]
    trials.sort(key=_rank if order == "score" else lambda trial: -trial.number)
    shown = trials[: limit or len(trials)]
    if as_json:
        print_json([describe(trial, history) for trial in shown])
        return
    print_table(
        ["trial", "score", "status", "operator", "parents", "commit", "summary"],
        [
            (
                trial.number,
                trial.evaluation.score,
                str(trial.evaluation.status),
                trial.operator,
                ",".join(map(str, trial.parents)),
                history.commit(trial.number)[:10],
                one_line(trial.summary),
            )
            for trial in shown
        ],
    )


def _rank(trial: Trial) -> tuple[float, int]:
    """Best first; of equals the first one leads; what has no score comes last."""
    return (float("inf") if trial.fitness is None else -trial.fitness, trial.number)
