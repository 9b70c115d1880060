"""`evolve show RUN [TRIAL]`: a run, or one of its trials."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from evolve.archives.contest import Scoreboard, Standings
from evolve.cli.difference import coloured, difference
from evolve.cli.options import as_json, read_run, run_argument, trial_argument
from evolve.cli.printing import (
    brief,
    compared,
    comparison,
    describe,
    elapsed,
    figure,
    one_line,
    outcome,
    print_fields,
    print_json,
    spent,
    state,
    without_controls,
)
from evolve.history import History
from evolve.proposers.llm import count_answers
from evolve.types import Evaluation, Trial, Usage
from evolve.words import quantity

if TYPE_CHECKING:
    from evolve.adoption.confirmation import Confirmation

__all__ = ["command"]

_SAMPLES = 12  # scores of repeats that are shown


@click.command(name="show")
@run_argument
@trial_argument("trial", required=False)
@as_json
def command(path: Path, trial: int | str | None, as_json: bool) -> None:
    """Show a run; or, of a TRIAL, what changed, how it was scored, and what it came from.

    A trial is its number, or `best`, or `seed`.
    """
    history = read_run(path)
    if trial is None:
        _show_run(history, as_json)
    else:
        _show_trial(history.find(trial), history, as_json)


def _show_run(history: History, as_json: bool) -> None:
    statuses = Counter(str(trial.evaluation.status) for trial in history.order if trial.number > 0)
    answers = count_answers(history.order)
    scored = [trial for trial in history.order if trial.fitness is not None]
    standings = _standings(history)
    if as_json:
        print_json(
            {
                "path": str(history.path),
                "state": state(history),
                "config": history.config,
                "limits": history.limits,
                "seconds": history.elapsed,
                "trials": max(len(history) - 1, 0),
                "tuned": history.tuned,
                "baseline": comparison(standings),
                "statuses": statuses,
                "answers": answers,
                "in_flight": history.in_flight,
                "spent": _record(history.spent),
                "spent_by_evaluations": _record(history.evaluating),
                "unanswered": _record(history.unanswered),
                "before_cloned": history.unsettled,
                "seed": describe(history[0], history) if len(history) else None,
                "best": describe(history.best, history) if scored else None,
                **_lineage(history),
            }
        )
        return
    config = history.config
    counted = dict(history.limits)
    if (nanodollars := counted.pop("nanodollars", None)) is not None:
        counted["dollars"] = nanodollars / 1e9
    limits = [f"{name} {figure(value)}" for name, value in counted.items() if value is not None]
    print_fields(
        {
            "run": history.path,
            "task": f"{config.get('name', '')} ({config.get('direction', '')})",
            "state": state(history),
            "trials": f"{max(len(history) - 1, 0)} in {elapsed(history.elapsed)}"
            + (f", {history.tuned} of them points of the tuner" if history.tuned else ""),
            "ended": ", ".join(f"{count} {status}" for status, count in statuses.most_common()),
            "answers": ", ".join(f"{count} {outcome}" for outcome, count in answers.most_common()),
            "spent": _spent(history),
            "unanswered": f"{spent(history.unanswered)}, at most, counted as spent" if history.unanswered.calls else "",
            "before": _before(history.unsettled),
            "baseline": compared(standings),
            "limits": ", ".join(limits),
            "settings": ", ".join(
                f"{key} {config[key]}"
                for key in ("proposer", "archive", "tuning", "sandbox", "workers", "seed")
                if key in config
            ),
        }
    )
    if lineage := _improvement(_lineage(history), history):
        click.echo()
        print_fields(lineage)
    if scored:
        click.echo()
        print_fields({"seed": _scores(history[0], history), "best": _scores(history.best, history)})
        print_fields({"": f"{brief(history.best.summary)} (evolve show {quote(str(history.path))} best)"})


def _lineage(history: History) -> dict[str, Any]:
    """Which scaffold is adopted, and the figures of self-improvement; nothing where there is no gate."""
    if "gate" not in history.config:
        return {}
    from dataclasses import asdict

    from evolve.adoption.figures import figures
    from evolve.reviewing import lineage_of

    lineage = lineage_of(history)
    if lineage is None or lineage.adoption.adopted is None:
        return {}
    adoption = lineage.adoption
    waits = adoption.question or adoption.canary
    found = figures(lineage.said, max(len(history) - 1, 0))
    taken = None
    if found.standing and history.evaluating.calls:
        taken = {name: value / found.standing for name, value in _record(history.spent).items()}
    return {
        "adopted": lineage.adoption.adopted.number,
        "confirming": _confirming(adoption.confirming),
        "waits": waits.number if waits is not None else None,
        "lineage": {**asdict(found), "spent_to_improve": taken},
    }


def _confirming(confirmation: Confirmation | None) -> dict[str, int] | None:
    """The confirmation that goes on, as far as it is."""
    if confirmation is None:
        return None
    evidence = confirmation.evidence
    most = evidence.rules.rounds * len(evidence.rules.families)
    return {"trial": confirmation.challenger.number, "pairs": evidence.pairs, "most": most}


def _improvement(found: dict[str, Any], history: History) -> dict[str, str]:
    """The same in words."""
    if not found:
        return {}
    table, waits = found["lineage"], found["waits"]
    confirmed = "none yet"
    if table["confirmed"]:
        confirmed = f"{table['confirmed']} in {quantity(table['pairs'], 'pair')}"
        confirmed += f", {table['adopted']} adopted ({100 * table['validated']:.0f} %)"
    if table["adopted"]:
        confirmed += f", {table['adopted'] - table['standing']} rolled back ({100 * table['regression_rate']:.0f} %)"
    each = rates = ""
    if table["standing"]:
        taken = table["spent_to_improve"]
        gains, lines = _several(table["improvement_rate"], "improvement"), _several(table["velocity"], "line")
        rates = f"{gains} and {lines} in 100 trials"
        each = f"{_several(table['trials_to_improve'], 'trial')}, {_several(table['pairs_to_improve'], 'pair')}"
        if taken:  # a clone does not know of the calls of evaluations, which are most of it
            each += f", {_several(taken['calls'], 'call')}, {_several(taken['dollars'], 'dollar')}"
    now = found["confirming"]
    return {
        "adopted": f"trial {found['adopted']}",
        "confirming": f"trial {now['trial']}, in {now['pairs']} of {now['most']} pairs so far" if now else "",
        "waits": f"trial {waits} (evolve review {quote(str(history.path))})" if waits is not None else "",
        "confirmed": confirmed,
        "changes": rates,
        "one takes": each,
    }


def _several(number: float, unit: str) -> str:
    return quantity(figure(number), unit)


def _spent(history: History) -> str:
    """What models were paid, and for how many of the calls it was evaluations that asked."""
    asked = history.evaluating.calls
    return spent(history.spent) + (f"; {asked} of the calls were asked by evaluations" if asked else "")


def _before(unsettled: Mapping[str, int]) -> str:
    """What a clone knows was used of which no commit of a trial tells."""
    if not unsettled:
        return ""
    counted = {**unsettled, "dollars": unsettled.get("nanodollars", 0) / 1e9}
    counted.pop("nanodollars", None)
    used = ", ".join(f"{figure(value)} {name}" for name, value in counted.items() if value)
    return f"{used}, used before the run was cloned and of no trial; counted as spent"


def _record(usage: Usage) -> dict[str, float]:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"dollars": usage.nanodollars / 1e9, "calls": usage.calls, **tokens}


def _standings(history: History) -> Standings | None:
    """How the search compares with its baseline, if it has one."""
    if not history.config.get("baseline"):
        return None
    board = Scoreboard()
    for trial in history.order:
        board.tell(trial)
    return board.standings


def _scores(trial: Trial, history: History) -> str:
    held_out = history.held_out.get(trial.number)
    return f"trial {trial.number}: {outcome(trial)}" + (
        f", on held-out instances {figure(held_out.score) if held_out.score is not None else held_out.status}"
        if held_out is not None
        else ""
    )


def _show_trial(trial: Trial, history: History, as_json: bool) -> None:
    if as_json:
        parent = history.program(trial.parents[0]) if trial.parents else None
        changed = list(difference(parent, trial.program)) if parent else []
        print_json({**describe(trial, history), "difference": changed})
        return
    evaluation, usage = trial.evaluation, trial.usage
    held_out = history.held_out.get(trial.number)
    fields: dict[str, Any] = {
        "trial": f"{trial.number} of {history.path}",
        "changed": one_line(trial.summary),
        "status": f"{evaluation.status} (of trial {trial.duplicate_of})"
        if trial.duplicate_of is not None
        else evaluation.status,
        "score": figure(evaluation.score) if evaluation.score is not None else "",
        "repeats": _repeats(evaluation),
        "race": _race(evaluation),
        "held out": figure(held_out.score) if held_out is not None else "",
        "operator": trial.operator,
        "parents": ", ".join(map(str, trial.parents)),
        "lane": trial.lane,
        "commit": history.commit(trial.number),
        "took": _took(evaluation),
        "model": f"{quantity(usage.calls, 'call')}, {usage.input_tokens} + {usage.output_tokens} tokens"
        if usage.calls
        else "",
        "asked for": quantity(usage.evaluations, "evaluation") if usage.evaluations else "",
        "answer": _answer(trial),
        "metrics": ", ".join(f"{name} {_value(value)}" for name, value in evaluation.metrics.items()),
        "measures": ", ".join(f"{name} {figure(value)}" for name, value in evaluation.measures.items()),
        "feedback": without_controls(evaluation.feedback).strip(),
    }
    print_fields(fields)
    if trial.parents:
        lines = difference(history.program(trial.parents[0]), trial.program)
        click.echo()
        for line in coloured(lines) if sys.stdout.isatty() else lines:
            click.echo(line)


def _repeats(evaluation: Evaluation) -> str:
    """How often it was scored, and how much the scores differ."""
    samples, error = evaluation.samples, evaluation.standard_error
    if error is None:
        return ""
    shown = ", ".join(map(figure, samples[:_SAMPLES])) + (", ..." if len(samples) > _SAMPLES else "")
    return f"{len(samples)}, standard error {figure(error)}: {shown}"


def _race(evaluation: Evaluation) -> str:
    if evaluation.won is None or not evaluation.rescored:
        return ""
    again = evaluation.rescored[-1]
    more = f", which was scored {quantity(len(again.samples), 'more time')}"
    if again.fitness is None or again.feedback:
        more = f", which did not score this time ({again.status})"
    return f"{'won' if evaluation.won else 'lost'} against trial {again.number}{more}"


def _answer(trial: Trial) -> str:
    """Which model gave it, and what came of it."""
    note = trial.note
    if "model" not in note or "outcome" not in note:
        return ""
    again = f" after {note['first']}" if "first" in note else ""
    return one_line(f"{note['outcome']}{again}, by {note['model']}")


def _took(evaluation: Evaluation) -> str:
    cost = evaluation.cost
    if cost.seconds == 0.0:
        return ""
    return f"{cost.seconds:.3f} s, {cost.cpu_seconds:.3f} s of processor time, {cost.memory_bytes / 2**20:.0f} MiB" + (
        ", when it was scored first: now it was known" if cost.cached else ""
    )


def _value(value: object) -> str:
    return figure(value) if isinstance(value, int | float) else one_line(str(value))
