"""What a run shares with people: its branches and its work tree. Nothing that a person did there is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import git

from evolve.errors import LineageError

__all__ = ["Checkout"]

_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The tree without files, which git knows without storing it."""

_SHOWN = "best"
"""The branch that the work tree shows."""


class Checkout:
    """The branches and the work tree of `repository`, which a person may use at any time.

    Args:
        ours: whether the commit with this id is one that the engine made.
        on_notice: hears, in a sentence, what was found that a person did and what became of it; the same thing once.
    """

    def __init__(self, repository: git.Repo, ours: Callable[[str], bool], on_notice: Callable[[str], None]) -> None:
        self._repository = repository
        self._path = Path(repository.working_dir)
        self._ours = ours
        self._on_notice = on_notice
        self._trees: set[str] = {_EMPTY}
        """Trees that are in commits, so that an index that holds one of them holds nothing else of a person's."""
        self._said = ""

    def keep(self, branch: str) -> None:
        """Call before a branch is moved: a commit of a person's at its tip gets a branch of its own, below `kept/`.

        Raises `LineageError` when that fails.
        """
        tip = self._tip(branch)
        if tip is None or self._ours(tip):
            return
        kept = f"kept/{branch}-{tip[:10]}"
        try:
            self._repository.git.update_ref(f"refs/heads/{kept}", tip)
        except git.GitCommandError as error:
            raise LineageError(
                f"branch {branch} of {self._path} has commit {tip[:10]}, which is none of this run's, and it cannot be "
                f"kept as branch {kept}: {error.stderr.strip()}; give it another branch, then resume"
            ) from error
        self._on_notice(
            f"Commit {tip[:10]} on branch {branch} is none of this run's. It is kept as branch {kept}, and {branch} "
            f"follows the run: git -C {quote(str(self._path))} log {kept}"
        )

    def _tip(self, branch: str) -> str | None:
        try:
            return git.SymbolicReference.dereference_recursive(self._repository, f"refs/heads/{branch}")
        except ValueError:
            return None  # there is no such branch

    def show(self, commit: str, tree: str) -> bool:
        """Make the work tree show `tree`, that of the best `commit`. False when something of a person's is in the way.

        Nothing of theirs is overwritten: no file that they changed, nothing that they staged, no branch that they
        checked out.
        """
        problem = self._show(tree)
        if not problem:
            self._trees.add(tree)
            self._said = ""
            return True
        if problem != self._said:
            self._said = problem
            where = quote(str(self._path))
            self._on_notice(
                f"The work tree of {self._path} is left as it is: {problem}. The best program: "
                f"git -C {where} show {commit[:10]}, or evolve best {where} -o DIR"
            )
        return False

    def _show(self, tree: str) -> str:
        """What is in the way, "" when nothing was."""
        try:
            if (branch := self._repository.head.reference.path) != f"refs/heads/{_SHOWN}":
                return f"it is on branch {branch.removeprefix('refs/heads/')}, not on {_SHOWN}"
        except TypeError:
            return f"it is on no branch (detached HEAD), not on {_SHOWN}"
        run = self._repository.git
        try:
            new = not (Path(self._repository.git_dir) / "index").exists()
            shown = _EMPTY if new else run.write_tree()
            if shown == tree:
                return ""
            if shown not in self._trees and shown not in self._committed():
                return f"it has staged changes ({run.diff('--cached', '--name-only', tree).replace(chr(10), ', ')})"
            # a copied or restored folder has other times than the index knows
            run.update_index("-q", "--refresh", with_exceptions=False)
            run.read_tree("-m", "-u", shown, tree)
        except git.GitCommandError as error:
            return _in_the_way(error.stderr)
        return ""

    def _committed(self) -> set[str]:
        """The trees of commits of ours that `best` was at, and of all that people made and that a branch holds."""
        said = self._repository.git.log("--branches", "--reflog", "--format=%T", "--no-walk")
        self._trees.update(said.split())
        return self._trees


def _in_the_way(said: str) -> str:
    """The files that git names in its refusal."""
    files = sorted(set(re.findall(r"(?:Entry|file) '([^']+)'", said)))
    if files:
        return f"{', '.join(files)} {'was' if len(files) == 1 else 'were'} changed by hand"
    return f"git says {' '.join(said.removeprefix('stderr:').split())}"
