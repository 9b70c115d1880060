"""`evolve review RUN`: what waits for a person, and the answer."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from evolve.cli.difference import coloured, difference
from evolve.cli.options import as_json, read_run, run_argument, trial_argument
from evolve.cli.printing import print_fields, print_json
from evolve.errors import TaskError

if TYPE_CHECKING:
    from evolve.history import History
    from evolve.reviewing import Lineages

__all__ = ["command"]


@click.command(name="review")
@run_argument
@click.argument("answer", type=click.Choice(["approve", "reject"]), required=False)
@trial_argument("trial", required=False)
@click.option("--reason", help="Why: it is kept in a commit.")
@click.option("--by", help="Who says so. [default: the user's name]")
@click.option("--task", help="Where the task's folder is, when it has moved.")
@as_json
def command(
    path: Path,
    answer: str | None,
    trial: int | str | None,
    reason: str | None,
    by: str | None,
    task: str | None,
    as_json: bool,
) -> None:
    """Show what of RUN waits for a person, and what it changes; or approve or reject it, with a reason.

    A change that is large, gains much, or looks odd is adopted when a person says so. A newly adopted one, which has
    only a share of the proposals yet, can be approved, which gives it all, or rejected, which rolls it back.

    TRIAL, which the answer is about, is its number, or `best`, or `seed`; left out, it is the one that waits.
    """
    from evolve.reviewing import lineage_of, review

    history = read_run(path)
    lineage = lineage_of(history)
    if lineage is None:
        raise TaskError(f"{path} has no gate: only tasks with [gate] in their task.toml adopt anything")
    if answer is None:
        _show(history, lineage, as_json)
        return
    waiting = _waiting(lineage)
    number = history.find(trial).number if trial is not None else waiting
    if number is None:
        raise TaskError(f"nothing in {path} waits for a person")
    if not (reason or "").strip():
        raise click.UsageError("say why with --reason: it is kept in a commit")
    from evolve.adoption.records import Review
    from evolve.adoption.report import subject

    given = Review(number=number, approve=answer == "approve", reason=str(reason), by=by or getpass.getuser())
    for transition in review(path, given, task=task):
        click.echo(f"{subject(transition)}.")
    click.echo(f"git -C {quote(str(path))} show adopted")


def _waiting(lineage: Lineages) -> int | None:
    """The trial that an answer would be about."""
    adoption = lineage.adoption
    if adoption.question is not None:
        return adoption.question.number
    return adoption.canary.number if adoption.canary is not None else None


def _show(history: History, lineage: Lineages, as_json: bool) -> None:
    from evolve.gates.report import body

    adoption, number = lineage.adoption, _waiting(lineage)
    adopted = adoption.adopted.number if adoption.adopted is not None else None
    question = adoption.question
    if as_json:
        reasons = list(question.reasons) if question is not None else []
        about = question.about if question is not None else "promoting" if number is not None else None
        print_json({"adopted": adopted, "trial": number, "about": about, "reasons": reasons})
        return
    if number is None or adopted is None:
        confirming = adoption.confirming
        more = f" Trial {confirming.challenger.number} is being confirmed." if confirming is not None else ""
        click.echo(
            f"Nothing waits for a person; trial {adopted} is adopted.{more}" if adopted is not None else "Nothing yet."
        )
        return
    where = quote(str(history.path))
    before = adopted if question is not None else adoption.canary.before if adoption.canary is not None else adopted
    print_fields(
        {
            "change": f"trial {number}",
            "in place of": f"trial {before}",
            "question": _asks(lineage),
            "approve": f"evolve review {where} approve --reason ...",
            "reject": f"evolve review {where} reject --reason ...",
        }
    )
    last = next((each for each in reversed(lineage.said) if each.number == number and each.evidence is not None), None)
    if last is not None and last.evidence is not None:
        click.echo(f"\n{body(last.evidence)}")
    click.echo()
    lines = difference(history.program(before), history.program(number))
    for line in coloured(lines) if sys.stdout.isatty() else lines:
        click.echo(line)


def _asks(lineage: Lineages) -> str:
    question = lineage.adoption.question
    if question is None:
        return "is it to propose all, or to be rolled back?"
    verb = "is it adopted" if question.about == "adopting" else "does adoption go on after it"
    return f"{verb}? {'; '.join(question.reasons)}"
