"""The Python API: `evolve.run` and `evolve.load`."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from evolve import forms
from evolve.config import Search
from evolve.history import History
from evolve.options import Options, check_name
from evolve.types import Sandbox

__all__ = ["free_name", "load", "run"]


def run(  # noqa: PLR0913 - every option of a search, by name
    task: str | os.PathLike[str],
    *,
    form: str = "native",
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    trials: int | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    sandbox: str | Sandbox = "auto",
    allow_unsafe: bool = False,
    proposer: str = "mix",
    archive: str = "top",
    strict: bool = False,
) -> History:
    """Search for a better program, and come back when the budget is used up.

    Args:
        task: the name of a bundled task, or a task folder.
        form: what kind of task folder it is; see `evolve.forms.FORMS`.
        name: of the run directory below `runs`; by default the task's name and the first free number.
        trials, evaluations: limits, whole numbers of at least 1. Without any limit the task's own hold.
        seconds: a limit on the time in which trials are begun, above 0.
        seed: of all random numbers, at least 0; the task's when it is None, else 0.
        workers: evaluations at a time; by default one for each processor, or fewer where the task says so.
        sandbox: "auto", the name of a sandbox, or one of yours.
        allow_unsafe: let programs from a proposer that is not ours run in a sandbox that does not isolate.
        proposer: "mix", "mutation", "crossover" or "tuner", or yours as "module:attribute".
        archive: "top", or yours as "module:attribute".
        strict: a fresh session for each candidate.

    What a person did in the run's directory meanwhile, and what became of it, is a warning. Raises the errors of
    `evolve.errors`: `TaskError` for an option that is wrong, before anything begins. A run that had begun can be
    resumed after each of them.
    """
    options = Options(
        seed=seed,
        workers=workers,
        sandbox=sandbox,
        allow_unsafe=allow_unsafe,
        proposer=proposer,
        archive=archive,
        strict=strict,
    )
    found = forms.load(task, form)
    path = Path(runs) / (free_name(Path(runs), found.name) if name is None else check_name(name))
    given = {"trials": trials, "evaluations": evaluations, "seconds": seconds}
    limits = {key: value for key, value in given.items() if value is not None}
    with Search.start(found, path, limits=limits, options=options, on_notice=_warn) as search:
        search.run()
    return History(path)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def load(path: str | os.PathLike[str]) -> History:
    """Read a run, or a clone of one, in which nothing is written. Raises as `History` does."""
    return History(path)


def free_name(runs: Path, task: str) -> str:
    """The first of task-1, task-2, ... that is not taken in the folder `runs`."""
    number = 1
    while (runs / f"{task}-{number}").exists():
        number += 1
    return f"{task}-{number}"
