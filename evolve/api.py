"""The Python API: `evolve.run` and `evolve.load`."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from evolve import forms
from evolve.config import Options, Search
from evolve.history import History
from evolve.recovery import needs_recovery, recover

__all__ = ["free_name", "load", "run"]


def run(
    task: str | os.PathLike[str],
    *,
    form: str = "native",
    name: str | None = None,
    runs: str | os.PathLike[str] = "runs",
    trials: int | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    **options: Any,
) -> History:
    """Search for a better program, and come back when the budget is used up.

    Args:
        task: the name of a bundled task, or a task folder.
        form: what kind of task folder it is; see `evolve.forms.FORMS`.
        name: of the run directory below `runs`; by default the task's name and the first free number.
        trials, evaluations, seconds: limits; the task's own when none is given.
        options: as for `evolve.config.Options`: seed, workers, sandbox, allow_unsafe, proposer, archive,
            strict.

    Raises the errors of `evolve.errors`; after all but `TaskError` the run can be resumed.
    """
    found = forms.load(task, form)
    path = Path(runs) / (name or free_name(Path(runs), found.name))
    given = {"trials": trials, "evaluations": evaluations, "seconds": seconds}
    limits = {key: value for key, value in given.items() if value is not None}
    with Search.start(found, path, limits=limits, options=Options(**options), on_notice=_warn) as search:
        search.run()
    return History(path)


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def load(path: str | os.PathLike[str]) -> History:
    """Read a run, or a clone of one. Raises `RunNotFound`, `RunDamaged`."""
    if needs_recovery(Path(path)):
        recover(Path(path))
    return History(path)


def free_name(runs: Path, task: str) -> str:
    """The first of task-1, task-2, ... that is not taken in the folder `runs`."""
    number = 1
    while (runs / f"{task}-{number}").exists():
        number += 1
    return f"{task}-{number}"
