"""`evolve tree RUN [TRIAL]`: how programs came from each other."""

from __future__ import annotations

from pathlib import Path

import click

from evolve.cli.branches import descent, draw, led_to
from evolve.cli.options import as_json, read_run, run_argument, trial_argument
from evolve.cli.printing import brief, outcome, print_json

__all__ = ["command"]


@click.command(name="tree")
@run_argument
@trial_argument("trial", required=False)
@click.option("--all", "everything", is_flag=True, help="Show every trial, also those that led nowhere.")
@as_json
def command(path: Path, trial: int | str | None, everything: bool, as_json: bool) -> None:
    """Draw how programs came from each other, from TRIAL down (from the seed, when it is not given).

    Only the trials that were the best of their time (*), and what they came from, unless --all. A trial stands under
    its first parent; its other parents are named. An only child stays in its parent's column.
    """
    history = read_run(path)
    root = history.find(trial or "seed").number
    parents = {told.number: told.parents for told in history.order}
    rises = history.rises
    kept = set(parents) if everything else led_to(rises, parents)
    if as_json:
        print_json(
            [
                {
                    "number": number,
                    "parents": parents[number],
                    "commit": history.commit(number),
                    "status": history[number].evaluation.status,
                    "score": history[number].evaluation.score,
                    "summary": history[number].summary,
                    "best_of_its_time": number in rises,
                }
                for number in descent(root, kept, parents)
            ]
        )
        return

    def label(number: int) -> str:
        told = history[number]
        star = " *" if number in rises else ""
        others = f"  (with {', '.join(map(str, told.parents[1:]))})" if told.parents[1:] else ""
        return f"{number}  {outcome(told)}{star}  {brief(told.summary)}{others}"

    for line in draw(root, kept, parents, label):
        click.echo(line)
