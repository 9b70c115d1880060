"""One session of a search at a terminal: progress, Ctrl-C, and what is said before and after."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from shlex import quote
from types import FrameType
from typing import TYPE_CHECKING

import click

from evolve.budget import RESOURCES
from evolve.cli.printing import (
    brief,
    compared,
    comparison,
    elapsed,
    ended,
    figure,
    print_fields,
    print_json,
    print_table,
    spent,
    without_controls,
)
from evolve.cli.progress import Progress
from evolve.errors import BudgetSpent, Fault, Interrupted, PluginError, SeedError, StorageError
from evolve.types import Evaluation, Status, Trial, Usage
from evolve.words import amount, quantity

if TYPE_CHECKING:
    from evolve.search import Result, Search

__all__ = ["search"]

INTERRUPTED = 130
FEEDBACK_LINES = 8
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def search(begin: Callable[..., Search], *, quiet: bool, as_json: bool) -> None:
    """Begin a session, with `on_trial` and `on_notice`, carry it to its end and tell of it.

    Ctrl-C, SIGTERM or SIGHUP once stops it cleanly; twice kills this process, and with it everything that it started.
    """
    progress = Progress(quiet=quiet)
    with ExitStack() as stack:
        session = begin(on_trial=progress.tell, on_notice=progress.notice)
        resume = f"evolve resume {quote(str(session.path))}"
        stack.enter_context(_interruptible(session.stop, resume))
        stack.enter_context(session)
        evolution = session.evolution
        learners = evolution.learners
        before, proposed = learners.told, learners.told - learners.tuned
        limit = evolution.budget.limits.get("trials")
        progress.begin(limit, before, evolution.best, apart=learners.apart, tuned=learners.tuned)
        if not quiet:
            _introduce(session)
        try:
            with progress:
                result = session.run()
        except (Fault, StorageError, PluginError):
            click.echo(f"Nothing recorded is lost; continue with: {resume}", err=True)
            raise
        except Interrupted as error:
            raise Interrupted(f"{error}: {resume}") from error
        except BudgetSpent as error:
            more = f"{resume} --{error.resource.removeprefix('nano')} N"
            raise SeedError(f"{error}; give more: {more}") from error
    seconds = evolution.budget.elapsed
    if as_json:
        print_json(_record(session, result, seconds) | {"trials_before": max(before - 1, 0)})
    else:
        _tell(session, result, seconds)
    if result.outcome.reason == "interrupted":
        click.echo(f"Interrupted; continue with: {resume}", err=True)
        raise SystemExit(INTERRUPTED)
    if learners.told - learners.tuned == max(proposed, 1):
        _say_nothing_was_tried(session, result.outcome.reason)
    elif not as_json:
        _advise(session, result, quiet=quiet)


@contextmanager
def _interruptible(stop: Callable[[], None], resume: str) -> Iterator[None]:
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        # not through click: a signal may come in the middle of a write
        if asked:
            # what runs in sandboxes ends with this process, and the journal is whole at any moment
            with suppress(OSError):
                os.write(2, f"\nKilled; nothing recorded is lost, continue with: {resume}\n".encode())
            os._exit(INTERRUPTED)
        asked = True
        stop()
        with suppress(OSError):  # the terminal is gone after a hangup
            os.write(2, b"\nStopping; once more kills. What is being evaluated is evaluated again by resume.\n")

    # nohup has hangups ignored, and so they stay
    numbers = [number for number in SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _introduce(session: Search) -> None:
    sandbox = session.sandbox
    click.echo(f"{session.task.name} in {session.path}, sandbox {sandbox.name}", err=True)
    for model in session.models:
        click.echo(f"  asks {model}", err=True)
    for weakness in (*sandbox.weaknesses, *session.task.form.notes):
        click.echo(f"  {weakness}", err=True)


def _tell(session: Search, result: Result, seconds: float) -> None:
    outcome = result.outcome
    best, seed = outcome.best, outcome.seed
    tuned = session.evolution.learners.tuned
    number = outcome.told - 1 - tuned
    count = quantity(number, "trial") + (f", {quantity(tuned, 'point')} of the tuner" if tuned else "")
    click.echo(f"\n{ended(outcome.reason).capitalize()} after {count} and {elapsed(seconds)}.\n")
    rows: list[list[float | str | None]] = [["search", seed.evaluation.score, best.evaluation.score]]
    if result.held_out_seed is not None and result.held_out_best is not None:
        rows.append(["held out", _score(result.held_out_seed), _score(result.held_out_best)])
    print_table(["instances", "seed", "best"], rows)
    click.echo()
    known = session.task.settings.task.best_known
    where = quote(str(session.path))
    print_fields(
        {
            "best known": figure(known) if known is not None else "",
            "best": f"trial {best.number}: {brief(best.summary)}",
            "baseline": compared(session.standings),
            "spent": _spent(session),
            "run": session.path,
            "": f"git -C {where} log --oneline best",
            " ": f"git -C {where} diff {session.commit(seed.number)[:10]} best",
        }
    )


def _say_nothing_was_tried(session: Search, reason: str) -> None:
    """Which limit leaves no room for a trial, and how to go on."""
    budget, where = session.evolution.budget, quote(str(session.path))
    limit = budget.seconds if reason == "seconds" else budget.limits.get(reason)
    if limit is None:
        return
    used = budget.committed(reason) if reason in RESOURCES else budget.elapsed
    name = reason.removeprefix("nano")
    left = "and all of it is used"
    if used < limit:
        left = f"and what is left of it after {amount(used, reason)} is not enough for one trial more"
    click.echo(
        f"\nNothing new was proposed: the limit is {amount(limit, reason)}, {left}. A limit is a total, earlier "
        f"sessions included; to go on give more: evolve resume {where} --{name} N",
        err=True,
    )


def _advise(session: Search, result: Result, *, quiet: bool) -> None:
    """What to do about a search that found nothing."""
    evolution, where = session.evolution, quote(str(session.path))
    if result.outcome.best.number != 0 or not evolution.learners.statuses:
        return
    if evolution.learners.statuses[Status.OK]:
        if quiet:
            return
        click.echo(
            f"\nNo program was better than the seed. See what was tried: evolve log {where}; to try more: "
            f"evolve resume {where} --trials N",
            err=True,
        )
        return
    ((status, _),) = evolution.learners.statuses.most_common(1)
    example = evolution.learners.examples[status]
    said = without_controls(example.evaluation.feedback).strip().splitlines()[:FEEDBACK_LINES]
    counts = ", ".join(f"{count} {status}" for status, count in evolution.learners.statuses.most_common())
    click.echo(f"\nNo program but the seed has a score: {counts}. The first that ended as {status}:\n", err=True)
    for line in [f"trial {example.number}: {brief(example.summary)}", *said]:
        click.echo(f"  {line}", err=True)
    click.echo(f"\nSee more: evolve log {where}, and evolve show {where} {example.number}", err=True)


def _spent(session: Search) -> str:
    """What models were paid; what a request may have cost whose answer never came is counted as if it did."""
    used = {name: session.evolution.budget.committed(name) for name in ("calls", "tokens", "nanodollars")}
    return spent(Usage(calls=used["calls"], output_tokens=used["tokens"], nanodollars=used["nanodollars"]))


def _score(evaluation: Evaluation) -> float | str:
    return str(evaluation.status) if evaluation.score is None else evaluation.score


def _record(session: Search, result: Result, seconds: float) -> dict[str, object]:
    def of(trial: Trial, held_out: Evaluation | None) -> dict[str, object]:
        return {
            "number": trial.number,
            "commit": session.commit(trial.number),
            "summary": trial.summary,
            "score": trial.evaluation.score,
            "held_out_score": held_out.score if held_out else None,
        }

    outcome = result.outcome
    return {
        "run": str(session.path),
        "sandbox": session.sandbox.name,
        "notes": list(session.task.form.notes),
        "reason": outcome.reason,
        "trials": outcome.told - 1,
        "tuned": session.evolution.learners.tuned,
        "baseline": comparison(session.standings),
        "statuses": session.evolution.learners.statuses,
        "seconds": seconds,
        **{name: session.evolution.budget.committed(name) for name in ("calls", "tokens", "nanodollars")},
        "seed": of(outcome.seed, result.held_out_seed),
        "best": of(outcome.best, result.held_out_best),
    }
