"""What of a folder on disk belongs to a program, and what to a task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from evolve.errors import TaskError
from evolve.types import Program, path_problem

__all__ = ["read_folder", "task_files"]

_CACHES = {"__pycache__", ".git", ".evolve", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".venv"}
_MAX_FOLDER = 256 * 2**20


def read_folder(folder: Path) -> Program:
    """The files below a folder as a program, caches and runs left out.

    Raises `TaskError` for links, for paths that a program cannot have, and for more than 256 MiB.
    """
    return _read(folder, _walk(folder, lambda path: path.name not in _CACHES and not (path / ".evolve").exists()))


def task_files(folder: Path, *, seed: Path | None = None, without: Callable[[Path], bool] = lambda _: False) -> Program:
    """The files of a task as its evaluator sees them; with `seed`, a path in `folder`, without that, and without the
    files and folders that `without` says of.

    Hidden files, caches, and folders that are git repositories or runs never belong to a task: who searches inside of
    it has not changed its evaluator. Raises `TaskError` as `read_folder` does.
    """

    def belongs(path: Path) -> bool:
        if path.name.startswith(".") or path.name == "__pycache__" or path == seed or without(path):
            return False
        return not any((path / state).exists() for state in (".git", ".evolve"))

    return _read(folder, _walk(folder, belongs))


def _walk(folder: Path, belongs: Callable[[Path], bool]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not belongs(path) or path.suffix == ".pyc":
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise TaskError(f"{path} is a link or no regular file; put the file itself there")
        if path.is_dir():
            yield from _walk(path, belongs)
        else:
            yield path


def _read(folder: Path, paths: Iterator[Path]) -> Program:
    files: dict[str, bytes] = {}
    executables: set[str] = set()
    total = 0
    try:
        for path in paths:
            name = path.relative_to(folder).as_posix()
            if problem := path_problem(name):
                raise TaskError(f"{path} cannot be part of a program or a task: {problem}; rename or remove it")
            total += path.stat().st_size
            if total > _MAX_FOLDER:
                raise TaskError(f"{folder} holds more than 256 MiB; keep what does not belong to it elsewhere")
            files[name] = path.read_bytes()
            if os.access(path, os.X_OK):
                executables.add(name)
    except OSError as error:
        raise TaskError(f"{error.filename} cannot be read: {error.strerror}") from error
    return Program(files, frozenset(executables))
