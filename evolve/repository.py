"""Opening the git repository of a run, or of a clone of one, and what is in it."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from shlex import quote

import git

from evolve.errors import LineageError, RunDamaged

__all__ = ["Stored", "open_repository"]

_ID = 20
"""Bytes of an object's id."""


def open_repository(path: Path) -> git.Repo:
    """The repository whose work tree is `path`.

    Raises `RunDamaged` when there is none, and `LineageError` when git refuses to work in it.
    """
    try:
        repository = git.Repo(path)
        repository.git.rev_parse("--git-dir")
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, ValueError) as error:
        raise RunDamaged(f"{path} is no usable git repository: {error}") from error
    except git.GitCommandError as error:
        where = quote(str(path.resolve()))
        if "dubious ownership" in error.stderr:
            raise LineageError(
                f"git does not work in {path}, for another user owns it; when you trust them: "
                f"git config --global --add safe.directory {where}"
            ) from error
        raise LineageError(f"git does not work in {path}: {error.stderr.strip()}") from error
    return repository


class Stored:
    """The ids of all objects that a repository has now, in 20 bytes for each.

    To ask git for one after the other takes a switch to its process and back each time: milliseconds on a busy machine.

    Raises `LineageError` when git fails.
    """

    def __init__(self, repository: git.Repo) -> None:
        try:
            names = repository.git.cat_file("--batch-all-objects", "--batch-check=%(objectname)")
        except git.GitCommandError as error:
            raise LineageError(f"git cannot list what {repository.git_dir} holds: {error.stderr.strip()}") from error
        self._ids = bytes.fromhex(names)  # sorted, as git gives them

    def __len__(self) -> int:
        return len(self._ids) // _ID

    def __contains__(self, name: str) -> bool:
        wanted = bytes.fromhex(name)
        at = bisect_left(range(len(self)), wanted, key=self._id)
        return at < len(self) and self._id(at) == wanted

    def _id(self, at: int) -> bytes:
        return self._ids[at * _ID : (at + 1) * _ID]
