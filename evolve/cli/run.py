"""`evolve run TASK`: a new search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from evolve.cli.options import (
    LIMITS,
    as_json,
    form_option,
    limit_options,
    runs_option,
    sandbox_option,
    service_options,
    usage,
)

__all__ = ["command"]


@click.command(name="run")
@click.argument("task")
@limit_options("at most this many")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of all random choices. [default: the task's, else 0, where a gate draws a secret besides]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Evaluations at a time. [default: one for each processor, or fewer where the task says so]",
)
@form_option
@sandbox_option
@click.option("--allow-unsafe", is_flag=True, help="Let untrusted programs run without isolation.")
@click.option("--strict", is_flag=True, help="A fresh session for each candidate: slower, and nothing is shared.")
@click.option(
    "--proposer",
    default="auto",
    show_default=True,
    help="mutation, crossover, tuner or mix, or yours as module:attribute; auto asks models when there are some, and "
    "is mix when there are none.",
)
@click.option(
    "--scaffold",
    metavar="RUN|DIR",
    help="A scaffold that proposes: of a run of scaffolds the adopted one, else its best; or the one in a folder.",
)
@click.option(
    "--archive",
    default="auto",
    show_default=True,
    metavar="NAME[,KEY=VALUE]...",
    help="Which program is changed next: lanes, stall, top, greedy, puct, weighted, grid, pareto, islands, best-of-n, "
    "or yours as module:attribute; with settings, as top,epsilon=0.1. auto: lanes where models are asked, else top.",
)
@click.option(
    "--tuning",
    default="auto",
    show_default=True,
    metavar="on|off|KEY=N,...",
    help="Tune numeric literals while evaluators have nothing else to do; screen, each and most say with how many "
    "evaluations. auto: where models are asked and an evaluation takes no more than 2 seconds.",
)
@click.option(
    "--baseline",
    default="",
    metavar="NAME=SHARE",
    help="An archive that a share of the trials is for, as best-of-n=0.1: the end says whether the search beat it.",
)
@click.option(
    "--stop-when-stalled",
    is_flag=True,
    help="End the search when the archive says that nothing helps; lanes and stall do, and archives of yours that have "
    "the attribute stalled. With another archive it is refused.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    help="A model to ask. May be given several times; then each is asked as often as its weight says.",
)
@click.option(
    "--model-file",
    type=click.Path(dir_okay=False),
    help="How models are asked, as [[model]] tables; without --model, all of them.",
)
@click.option(
    "--ensemble",
    type=click.Choice(["weights", "bandit"]),
    default="weights",
    show_default=True,
    help="Draw models and kinds of change by weight, or by what each has gained for its cost.",
)
@service_options
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="[NAME=]IN/OUT",
    help="Dollars per million tokens of a model that the table of prices lacks, or IN/CACHED/OUT.",
)
@click.option(
    "--calls-in-flight",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Proposals that may wait for models at a time.",
)
@click.option("--name", help="Of the run. [default: the task's name and a number]")
@runs_option
@click.option("--estimate", is_flag=True, help="Say what the run is likely to cost and how long it takes; run nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Show only the result.")
@as_json
def command(task: str, runs: Path, name: str | None, form: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Search for better programs for TASK: the name of a bundled task, or a task folder.

    Without a limit the task's own limits hold. Ctrl-C once stops cleanly, twice kills; `evolve resume` continues.

    With --estimate nothing begins: the seed is scored a few times, the prompts are written that models would be sent,
    and what the run is likely to take is printed.
    """
    from evolve import forms
    from evolve.api import free_name
    from evolve.cli.estimation import print_estimate
    from evolve.cli.session import search
    from evolve.options import Options, check_name
    from evolve.search import Search

    limits = {key: value for key in LIMITS if (value := options.pop(key)) is not None}
    found = forms.load(task, form)
    if name is not None:
        with usage("--name"):
            check_name(name)
    options["sandbox"] = options["sandbox"] or "auto"
    estimate = options.pop("estimate")
    if estimate:
        print_estimate(found, limits, Options(**options), as_json=as_json)
        return
    path = runs / (name or free_name(runs, found.name))
    search(
        partial(Search.start, found, path, limits=limits, options=Options(**options)),
        quiet=quiet,
        as_json=as_json,
    )
