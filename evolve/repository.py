"""Opening the git repository of a run, or of a clone of one."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

import git

from evolve.errors import LineageError, RunDamaged

__all__ = ["open_repository"]


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
