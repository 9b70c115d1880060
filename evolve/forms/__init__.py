"""The forms that a task may come in: each is turned into a `Task`.

The native form is a folder with a `task.toml` and an `evaluate.py` that reaches the candidate through `program` alone.
The others run the user's evaluator together with the candidate, as it expects: in one place, which nothing but the two
can be reached from. Their script, which only asks for that and judges what comes back, is the evaluator of our side.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from evolve.errors import TaskError
from evolve.forms import command, improve, openevolve, shinka
from evolve.task import Task

__all__ = ["FORMS", "load"]

FORMS: dict[str, Callable[[str], Task]] = {"native": Task.load, "openevolve": openevolve.load, "shinka": shinka.load}
"""Forms by name: what makes a task of a reference. Raise `TaskError`."""


def load(reference: str | os.PathLike[str], form: str = "native") -> Task:
    """The task of a bundled name, or in a folder that has one of the `FORMS`.

    Raises `TaskError`, which names file, key and fix.
    """
    if form not in FORMS:
        raise TaskError(f"there is no form of task {form!r}; there are {', '.join(FORMS)}")
    task = FORMS[form](os.fspath(reference))
    if task.settings.of_scaffolds:
        return improve.pinned(task, improve.others(task, load))
    by_command = form == "native" and task.settings.evaluator.command
    return replace(task, form=command.form(task)) if by_command else task
