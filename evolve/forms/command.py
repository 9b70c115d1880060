"""A task whose evaluator is any command: `[evaluator] command` in `task.toml`."""

from __future__ import annotations

import json

from evolve.folders import task_files
from evolve.forms.beside import UNPROTECTED, beside
from evolve.resources import bundled
from evolve.task import Form, Task

__all__ = ["form"]


def form(task: Task) -> Form:
    """How the command of `task` is asked for a score."""
    settings = {"command": task.settings.evaluator.command, "timeout": task.settings.evaluator.timeout}
    return Form(
        name="command",
        folder=bundled("sandbox") / "forms" / "command",
        extra={"settings.json": json.dumps(settings).encode()},
        beside=beside(task_files(task.folder, seed=task.seed_path)),
        notes=(UNPROTECTED,),
    )
