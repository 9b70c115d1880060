"""`evolve attribute RUN`: whether a scaffold is better for its change, or by luck."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from evolve.cli.options import (
    as_json,
    limit_options,
    raw_data_option,
    run_argument,
    sandbox_option,
    service_options,
    trial_option,
)
from evolve.cli.printing import figure, one_line, print_fields, print_json, print_table, spent
from evolve.errors import BudgetSpent
from evolve.types import Usage
from evolve.words import quantity

if TYPE_CHECKING:
    import pandas as pd

    from evolve.bench.attributed import Attributed
    from evolve.budget import Budget

__all__ = ["command"]

_MORE = "The same command goes on when a limit is larger: it is a total, with what was spent before."


@click.command(name="attribute")
@run_argument
@raw_data_option("rounds")
@click.option(
    "--rounds",
    "--pairs",
    "rounds",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="In each, old, new and sham are scored on the same fresh instances.",
)
@trial_option(
    "--trial",
    metavar="TRIAL",
    help="The new one. [default: what was adopted after the seed, else the best]",
)
@trial_option(
    "--against",
    "previous",
    default="seed",
    show_default=True,
    metavar="TRIAL|previous",
    help="The old one; previous is what was adopted before the new one.",
)
@click.option("--held-out", is_flag=True, help="On the tasks of reports, that were never searched on.")
@limit_options("at most this many in all rounds together", names=("tokens", "calls", "dollars"))
@click.option("--workers", type=click.IntRange(min=1), help="Rounds at a time. [default: the run's workers]")
@service_options
@sandbox_option
@click.option("--allow-unsafe", is_flag=True, help="Let scaffolds run without isolation, where the run did not.")
@click.option("--task", help="Where the task's folder is, when it has moved.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of each round.")
@as_json
def command(
    path: Path,
    folder: Path,
    rounds: int,
    against: int | str,
    held_out: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Say whether a scaffold of RUN is better for its change, or by luck.

    Old, new and a sham edit of the old one, which changes nothing that is done, are scored as scaffolds of RUN are:
    with the same models, on the same fresh instances and under the same leases, one right after the other in a drawn
    order. If new is not further ahead than a sham edit is, its gain is luck.

    Interrupted or killed, it goes on with the same command; out of its budget, with a larger limit, which is a total.
    No answer is paid for twice.

    A trial is its number, or `best`, or `seed`.
    """
    from evolve.bench.attributed import attributed
    from evolve.bench.attributing import calls_at_most, opened
    from evolve.bench.attribution import ARMS, read_rounds

    limits = {name: value for name in ("calls", "tokens", "dollars") if (value := options.pop(name)) is not None}

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    def on_round(rows: pd.DataFrame) -> None:
        means = rows.groupby("arm")["score"].mean()
        say(f"round {rows['round'].iloc[0]}: " + ", ".join(f"{arm} {figure(means[arm])}" for arm in ARMS))

    split: Any = "held_out" if held_out else "search"
    with opened(
        path, folder, against=against, split=split, limits=limits, on_notice=say, on_round=on_round, **options
    ) as (attribution, task, budget):
        if missing := rounds - len(attribution.done(rounds)):
            most = quantity(len(ARMS) * calls_at_most(task, split), "call")
            say(f"{quantity(missing, 'round')}, of {most} at most")
        ended = attribution.make(rounds)
        rows = read_rounds(folder)
        if rows.empty:
            assert ended is not None
            raise BudgetSpent(f"no round was made: {ended}. {_MORE}", ended.resource)
        found = attributed(rows[rows["round"] < rounds])
        if as_json:
            print_json(_record(found, budget, folder))
        else:
            _tell(found, budget, folder)
    if ended is not None:
        click.echo(f"\nOnly {found.rounds} of {rounds} rounds could be made: {ended}. {_MORE}", err=True)


def _tell(found: Attributed, budget: Budget, folder: Path) -> None:
    rows: list[list[Any]] = [
        [
            f"{each.arm} - {each.against}",
            f"{each.ahead.value:+.4f}",
            f"[{each.ahead.low:+.4f}, {each.ahead.high:+.4f}]",
            f"{each.p:.3g}",
            *(f"{means[at]:+.4f}" for means in found.families.values() if len(found.families) > 1),
        ]
        for at, each in enumerate(found.contrasts)
    ]
    names = [one_line(name) for name in found.families] if len(found.families) > 1 else []
    print_table(["difference", "a round", "95 %", "p", *names], rows)
    click.echo()
    print_table(
        ["scaffold", "score", "calls", "tokens", "evaluations", "seconds"],
        [
            [arm, found.means[arm], *(round(used[name], 1) for name in ("calls", "tokens", "evaluations", "seconds"))]
            for arm, used in found.used.items()
        ],
    )
    click.echo(f"\n{found.words}\n")
    print_fields({"rounds": found.rounds, "spent": spent(_usage(budget)), "data": quote(str(folder))})


def _usage(budget: Budget) -> Usage:
    used = {name: budget.committed(name) for name in ("calls", "tokens", "nanodollars")}
    return Usage(calls=used["calls"], output_tokens=used["tokens"], nanodollars=used["nanodollars"])


def _record(found: Attributed, budget: Budget, folder: Path) -> dict[str, Any]:
    return {
        "rounds": found.rounds,
        "verdict": found.verdict,
        "differences": [
            {
                "arm": each.arm,
                "against": each.against,
                "mean": each.ahead.value,
                "low": each.ahead.low,
                "high": each.ahead.high,
                "p": each.p,
                "families": {name: means[at] for name, means in found.families.items()},
            }
            for at, each in enumerate(found.contrasts)
        ],
        "scores": found.means,
        "used": found.used,
        **{name: budget.committed(name) for name in ("calls", "tokens", "nanodollars")},
        "data": str(folder),
    }
