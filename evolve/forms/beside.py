"""What lies in a program's folder with it, for the forms whose evaluator runs together with the candidate."""

from __future__ import annotations

from collections.abc import Mapping

from evolve.types import Program

__all__ = ["FOLDER", "UNPROTECTED", "beside"]

FOLDER = "evaluator"
"""Where the task's files are, below the program's folder."""

UNPROTECTED = (
    "The evaluator runs in one place with the program: a program could forge its score or read the evaluator's data. "
    "Of the machine, both reach what the sandbox lets a program reach."
)


def beside(files: Program, more: Mapping[str, bytes] | None = None) -> Program:
    """The files of a task, below `FOLDER`, and `more` as they are."""
    moved = {f"{FOLDER}/{path}": content for path, content in files.files.items()}
    return Program({**moved, **(more or {})}, frozenset(f"{FOLDER}/{path}" for path in files.executables))
