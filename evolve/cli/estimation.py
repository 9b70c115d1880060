"""How an estimate of a run is shown: what was measured, what is assumed, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from evolve.checks.scores import rough_time
from evolve.cli.printing import print_fields, print_json, print_table
from evolve.estimates.cases import CHEAP, DEAR
from evolve.estimates.estimate import Estimate, estimate
from evolve.estimates.forecast import Total
from evolve.words import quantity

if TYPE_CHECKING:
    from evolve.options import Options
    from evolve.task import Task

__all__ = ["print_estimate"]

_NAMES = {"nanodollars": "dollars", "seconds": "time"}


def print_estimate(task: Task, limits: Mapping[str, Any], options: Options, *, as_json: bool) -> None:
    """Make an estimate and print it."""
    found = estimate(task, limits=limits, options=options)
    if as_json:
        print_json({"task": task.name, **_record(found)})
        return
    config = found.config
    click.echo(f"{task.name}, sandbox {config['sandbox']}: nothing is begun, and no model was asked.\n")
    print_fields({**_measured(found), **_prices(found)})
    click.echo()
    print_table(["", "likely", "at most"], _rows(found))
    click.echo()
    print_fields({"ends": _ends(found)})


def _measured(found: Estimate) -> dict[str, str]:
    """What was measured, and what is assumed where nothing can be."""
    timing, config = found.timing, found.config
    fields = {
        "evaluation": f"{timing.together:.3g} s each, {config['workers']} at a time "
        f"(measured: the seed was scored {quantity(timing.number, 'time')})",
    }
    if found.tuned[1]:
        each, last = quantity(_range(*found.tuned), "evaluation"), _range(*found.last)
        fields["tuner"] = f"{each} for each trial, and {last} in the end (assumed)"
    if found.most_asked != 0:
        most = "no limit" if found.most_asked is None else f"at most {found.most_asked:,}"
        fields["asked for"] = (
            f"{quantity(_range(*found.asked), 'evaluation')} by each proposal, {most} (measured: with made-up answers)"
        )
    if not found.most_prompt:
        return fields
    low, high = (size / assumed.bytes_per_token for size, assumed in zip(found.prompt, (CHEAP, DEAR), strict=True))
    return fields | {
        "prompt": f"{_range(low, high)} tokens of {CHEAP.bytes_per_token:g} to {DEAR.bytes_per_token:g} bytes "
        f"(measured: {found.prompt[0]:,} bytes with the seed alone, {found.prompt[1]:,} later, at most "
        f"{found.most_prompt:,})",
        "answer": f"{_range(*found.answer[:2])} tokens, {found.answer[2]:,} at most, at {CHEAP.tokens_per_second:g} to "
        f"{DEAR.tokens_per_second:g} a second, {config['calls_in_flight']} at a time; {CHEAP.again:.0%} to "
        f"{DEAR.again:.0%} are sent back once (assumed)",
    }


def _prices(found: Estimate) -> dict[str, str]:
    """What a call of each model costs."""
    prices = {}
    for model in found.models:
        low, high = (amount / 1e9 for amount in model.likely)
        prices[model.settings.name] = (
            f"{_range(low, high)} dollars a call, {model.most / 1e9:.3g} at most; {model.settings.price} dollars per "
            f"million tokens of input, cached input and output"
            if model.most
            else "free"
        )
    return prices


def _rows(found: Estimate) -> list[list[float | str | None]]:
    most, limits = found.most, found.config["limits"]

    def row(name: str, of: Callable[[Total], float], bound: str) -> list[float | str | None]:
        return [name, _range(*sorted((of(found.cheap), of(found.dear)))), bound]

    def limited(bound: int | None) -> str:
        return "no limit" if bound is None else f"{bound:,}"

    rows = [
        row("trials", lambda total: total.trials, limited(most.trials)),
        row("evaluations", lambda total: total.evaluations, limited(most.evaluations)),
    ]
    if found.models:
        money = "no limit" if most.nanodollars is None else f"{most.nanodollars / 1e9:.4g}"
        rows += [
            row("calls", lambda total: total.calls, limited(most.calls)),
            row("tokens", lambda total: total.tokens, limited(most.tokens)),
            row("dollars", lambda total: total.nanodollars / 1e9, money),
        ]
    times = [rough_time(seconds) for seconds in sorted((found.cheap.seconds, found.dear.seconds))]
    until = limits.get("seconds")
    return [
        *rows,
        [
            "time",
            times[0] if times[0] == times[1] else f"{times[0]} to {times[1]}",
            "no limit" if until is None else f"none begins after {rough_time(until)}",
        ],
    ]


def _ends(found: Estimate) -> str:
    """Which limit ends the run, and what to do when that is at once."""
    cheap, dear = found.cheap, found.dear
    first, second = (_NAMES.get(total.ends, total.ends) for total in (cheap, dear))
    if not cheap.trials:
        worst = max((model.most for model in found.models), default=0) / 1e9
        more = f": {worst:.3g} dollars are set aside for a call, its worst" if cheap.ends == "nanodollars" else ""
        return f"before anything is tried, by its limit on {first}{more}"
    limit = f"by its limit on {first}"
    if first != second:
        limit += f", or on {second} if prompts and answers are long"
    return limit


def _range(low: float, high: float) -> str:
    shown = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (low, high)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


def _record(found: Estimate) -> dict[str, Any]:
    config, timing = found.config, found.timing

    def likely(of: Callable[[Total], float]) -> list[float]:
        return sorted((of(found.cheap), of(found.dear)))

    most = found.most
    return {
        "sandbox": config["sandbox"],
        "proposer": config["proposer"],
        "workers": config["workers"],
        "calls_in_flight": config.get("calls_in_flight"),
        "limits": config["limits"],
        "evaluation": {"seconds": timing.together, "alone": timing.alone, "times": timing.number},
        "prompt_bytes": {"likely": found.prompt, "most": found.most_prompt},
        "answer_tokens": {"likely": found.answer[:2], "most": found.answer[2]},
        "tuned": found.tuned,
        "tuned_last": found.last,
        "evaluations_asked": {"likely": found.asked, "most": found.most_asked},
        "models": [
            {
                "name": model.settings.name,
                "price": model.settings.price,
                "dollars_per_call": {"likely": [amount / 1e9 for amount in model.likely], "most": model.most / 1e9},
            }
            for model in found.models
        ],
        "likely": {
            "trials": likely(lambda total: total.trials),
            "evaluations": likely(lambda total: total.evaluations),
            "calls": likely(lambda total: total.calls),
            "tokens": likely(lambda total: total.tokens),
            "dollars": likely(lambda total: total.nanodollars / 1e9),
            "seconds": likely(lambda total: total.seconds),
        },
        "most": {
            "trials": most.trials,
            "evaluations": most.evaluations,
            "calls": most.calls,
            "tokens": most.tokens,
            "dollars": None if most.nanodollars is None else most.nanodollars / 1e9,
        },
        "ends": [found.cheap.ends, found.dear.ends],
    }
