"""One session of a search at a terminal: progress, Ctrl-C, and what is said before and after."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from evolve.cli.printing import brief, elapsed, ended, figure, print_fields, print_json, print_table
from evolve.cli.progress import Progress
from evolve.errors import Fault, StorageError
from evolve.types import Evaluation, Trial

if TYPE_CHECKING:
    from evolve.config import Result, Search

__all__ = ["search"]

INTERRUPTED = 130


def search(begin: Callable[..., Search], *, quiet: bool, as_json: bool) -> None:
    """Begin a session, with `on_trial` and `on_notice`, carry it to its end and tell of it.

    Ctrl-C, or SIGTERM, once stops it cleanly; twice kills this process, and with it everything that it started.
    """
    progress = Progress(quiet=quiet)
    with begin(on_trial=progress.tell, on_notice=progress.notice) as session:
        evolution = session.evolution
        progress.limit, progress.best = evolution.budget.limits.get("trials"), evolution.best
        try:
            with _interruptible(session.stop):
                if not quiet:
                    _introduce(session)
                with progress:
                    result = session.run()
        except (Fault, StorageError):
            click.echo(f"Nothing recorded is lost; continue with: evolve resume {session.path}", err=True)
            raise
    seconds = evolution.budget.elapsed
    if as_json:
        print_json(_record(session, result, seconds))
    else:
        _tell(session, result, seconds)
    if result.outcome.reason == "interrupted":
        click.echo(f"Interrupted; continue with: evolve resume {session.path}", err=True)
        raise SystemExit(INTERRUPTED)


@contextmanager
def _interruptible(stop: Callable[[], None]) -> Iterator[None]:
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            # what runs in sandboxes ends with this process, and the journal is whole at any moment
            os._exit(INTERRUPTED)
        asked = True
        stop()
        # not through click: a signal may come in the middle of a write
        os.write(2, b"\nStopping; once more kills.\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _introduce(session: Search) -> None:
    sandbox = session.sandbox
    click.echo(f"{session.task.name} in {session.path}, sandbox {sandbox.name}", err=True)
    for weakness in (*sandbox.weaknesses, *session.task.form.notes):
        click.echo(f"  {weakness}", err=True)
    click.echo(f"\n{'trial':>6}  {'score':>12}  new best", err=True)


def _tell(session: Search, result: Result, seconds: float) -> None:
    outcome = result.outcome
    best, seed = outcome.best, outcome.seed
    click.echo(f"\n{ended(outcome.reason).capitalize()} after {outcome.told - 1} trials and {elapsed(seconds)}.\n")
    rows: list[list[float | str | None]] = [["search", seed.evaluation.score, best.evaluation.score]]
    if result.held_out_seed is not None and result.held_out_best is not None:
        rows.append(["held out", _score(result.held_out_seed), _score(result.held_out_best)])
    print_table(["instances", "seed", "best"], rows)
    click.echo()
    known = session.task.settings.task.best_known
    print_fields(
        {
            "best known": figure(known) if known is not None else "",
            "best": f"trial {best.number}: {brief(best.summary)}",
            "run": session.path,
            "": f"git -C {session.path} log --oneline best",
            " ": f"git -C {session.path} diff {session.commit(seed.number)[:10]} best",
        }
    )


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
        "reason": outcome.reason,
        "trials": outcome.told - 1,
        "seconds": seconds,
        "seed": of(outcome.seed, result.held_out_seed),
        "best": of(outcome.best, result.held_out_best),
    }
