"""`evolve bench run`: the runs of a comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evolve.cli.options import LIMITS, form_option, limit_options, raw_data_option, sandbox_option, service_options
from evolve.cli.printing import elapsed, figure
from evolve.words import quantity

if TYPE_CHECKING:
    import pandas as pd

    from evolve.bench.plan import Order

__all__ = ["command"]

FAILED = 6


def _seeds(_context: click.Context, _parameter: click.Parameter, value: str) -> range:
    first, dash, last = value.rpartition("-")
    if last.isdecimal() and (first.isdecimal() if dash else True):
        seeds = range(int(first) if dash else 1, int(last) + 1)
        if seeds:
            return seeds
    raise click.BadParameter(f"{value!r} is neither a number of seeds, such as 20, nor a range of them, such as 1-20")


@click.command(name="run")
@raw_data_option("runs")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="'NAME: OPTION=VALUE ...'",
    help="A way to search, and the options that it has of its own. May be given several times.",
)
@click.option(
    "--policies",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file of such, as [policy.NAME] tables. May be given several times.",
)
@click.option("--tasks", required=True, metavar="A,B,...", help="Bundled tasks or task folders.")
@click.option(
    "--seeds",
    default="20",
    show_default=True,
    callback=_seeds,
    metavar="N|A-B",
    help="One run of each policy and task with each of them: 1 to N, or A to B.",
)
@limit_options("at most this many, in each run")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    help="A model to ask, where a policy names no others. [default: simulated]",
)
@click.option("--model-file", type=click.Path(dir_okay=False), help="How models are asked.")
@service_options
@click.option("--price", "prices", multiple=True, metavar="[NAME=]IN/OUT", help="Dollars per million tokens.")
@form_option
@sandbox_option
@click.option("--allow-unsafe", is_flag=True, help="Let untrusted programs run without isolation.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Runs at a time. [default: one for each processor]")
@click.option("--keep-runs", is_flag=True, help="Keep the git repository of each run, below the folder's runs.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of each run.")
def command(  # noqa: PLR0913 - one for each option
    *,
    folder: Path,
    policies: tuple[str, ...],
    files: tuple[Path, ...],
    tasks: str,
    seeds: range,
    form: str,
    jobs: int | None,
    keep_runs: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Search with each policy on each task, once with each seed, and write down how.

    A policy is any options of `evolve run`, such as 'greedy: archive=top'. Each run is a process of its own, with one
    evaluation and one call of a model at a time unless a policy says otherwise, so a seed always gives the same
    programs. Ctrl-C, or a kill, loses the runs that were under way and no other; the same command continues, and makes
    runs that failed once more. `evolve bench report FOLDER` says what came out.
    """
    from evolve.bench.plan import Plan
    from evolve.bench.policies import parse_policy, read_policies
    from evolve.bench.runner import Runner

    limits = {key: value for key in LIMITS if (value := options.pop(key)) is not None}
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value}
    if "models" not in given and "model_file" not in given:
        given["models"] = ["simulated"]
    plan = Plan(
        policies=[*(policy for file in files for policy in read_policies(file)), *map(parse_policy, policies)],
        tasks=tasks.split(","),
        seeds=seeds,
        limits=limits,
        options=given,
        form=form,
    )
    made = failed = 0
    total = 0

    def on_run(order: Order, rows: pd.DataFrame) -> None:
        nonlocal made, failed
        made += 1
        last = rows.iloc[-1]
        failed += last["outcome"] == "failed"
        if quiet and last["outcome"] != "failed":
            return
        taken = f"{quantity(last['calls'], 'call')} and {quantity(last['evaluations'], 'evaluation')}"
        what = f"{figure(last['best'])} after {taken}, {elapsed(last['seconds'])}"
        what = last["message"] if last["outcome"] == "failed" else what
        click.echo(f"[{made}/{total}] {order.title}: {what}", err=True)

    runner = Runner(folder, jobs or len(os.sched_getaffinity(0)), keep=keep_runs, on_run=on_run)
    orders = plan.freeze(folder)
    missing = runner.missing(orders)
    total = len(missing)
    if len(missing) < len(orders) and not quiet:
        click.echo(f"{len(orders) - len(missing)} of {quantity(len(orders), 'run')} made before", err=True)
    runner.make(missing)
    if failed:
        click.echo(f"{quantity(failed, 'run')} failed; the same command tries again", err=True)
        raise SystemExit(FAILED)
