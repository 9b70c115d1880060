"""A run from its commits alone: the journal of a clone, made again from the ledger.

What was measured (seconds, memory) and what was in flight is not in git; everything else is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shlex import quote
from typing import Any

import git

from evolve.errors import LineageError, RunNotFound, StorageError
from evolve.fingerprint import fingerprint
from evolve.journal import Event, encode_proposal
from evolve.lineage import read_object, read_program
from evolve.models.transcript import EVALUATIONS, TRANSCRIPT
from evolve.repository import open_repository
from evolve.run import Run
from evolve.types import Program, Proposal, Usage

__all__ = ["needs_recovery", "read_ledger", "recover"]

_UNSHALLOW = "git -C {} fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"
_LEDGERS = ("refs/heads/trials", "refs/remotes/origin/trials")


def needs_recovery(path: Path) -> bool:
    """Whether the run at `path` must be read from its commits: a clone, or a run that lost its journal or its config.

    Raises `RunNotFound` for a clone without the ledger, `LineageError` when git does not work there, `StorageError`.
    """
    state = path / ".evolve"
    try:
        whole = (state / "config.toml").exists() and (state / "journal.jsonl").exists()
        if whole or not (path / ".git").exists():
            return False
        with open_repository(path) as repository:
            if _ledger(repository) is not None:
                return True
            if not state.exists():
                raise RunNotFound(_no_ledger(repository, path))
    except OSError as error:
        raise StorageError(f"cannot read {error.filename or path}: {error.strerror}") from error
    return False


def _no_ledger(repository: git.Repo, path: Path) -> str:
    """Why a repository has no ledger, and what to do about it."""
    where = quote(str(path))
    if (Path(repository.git_dir) / "shallow").exists():
        return f"{path} is a shallow clone, which lacks the history of the run; get it: {_UNSHALLOW.format(where)}"
    if repository.remotes:
        remote = repository.remotes[0].name
        return (
            f"{path} has no branch 'trials', which holds all that is known of a run; when it is the clone of one, get "
            f"it: git -C {where} fetch {remote} trials:refs/remotes/origin/trials"
        )
    return f"{path} is no run: its repository has no branch 'trials'"


def recover(path: Path) -> None:
    """Make what is missing of `.evolve/` again from the ledger in the repository at `path`.

    Raises `RunNotFound` when there is no ledger, `LineageError` when it cannot be read, `RunLocked`, `StorageError`.
    """
    with _reading(path) as (repository, tip):
        Run.restore(path, _config(repository, tip), _events(repository, tip, path))


def read_ledger(path: Path) -> tuple[dict[str, Any], list[Event]]:
    """The config and the events of the run whose ledger is in the repository at `path`; nothing is written.

    Raises as `recover` does.
    """
    with _reading(path) as (repository, tip):
        return tomllib.loads(_config(repository, tip).decode()), list(_events(repository, tip, path))


@contextmanager
def _reading(path: Path) -> Iterator[tuple[git.Repo, str]]:
    with open_repository(path) as repository:
        tip = _ledger(repository)
        if tip is None or (Path(repository.git_dir) / "shallow").exists():
            raise RunNotFound(_no_ledger(repository, path))
        try:
            yield repository, tip
        except (git.GitError, KeyError, ValueError) as error:
            raise LineageError(f"the ledger in {path} cannot be read: {error!r}") from error


def _config(repository: git.Repo, tip: str) -> bytes:
    return read_object(repository, f"{tip}:config.toml")


def _ledger(repository: git.Repo) -> str | None:
    for name in _LEDGERS:
        try:
            return repository.commit(name).hexsha
        except (git.BadName, ValueError):
            continue
    return None


def _events(repository: git.Repo, tip: str, path: Path) -> Iterator[Event]:
    commits: dict[int, str] = {}
    limits: dict[str, Any] = {}
    spent: dict[str, int] = {}
    beyond: dict[str, dict[str, int]] = {}
    seen: set[bytes] = set()

    @lru_cache(maxsize=256)
    def program_of(number: int) -> Program:
        return read_program(repository, commits[number])

    for cut in _cuts(repository, tip):
        budget = json.loads(read_object(repository, f"{cut.commit}:budget.json"))
        spent = budget.pop("spent")  # it follows from the trials
        beyond = {name: budget.pop(name) for name in ("unsettled", "before") if name in budget}
        if budget != limits:
            limits = budget
            yield {"event": "opened", **budget}
        lines = [json.loads(line) for line in cut.lines]
        commits.update(zip((line["number"] for line in lines), cut.trials, strict=True))
        for place, line in enumerate(lines):
            yield from cut.events(after=place)
            yield from _trial(line, program_of, seen)
        yield from cut.events(after=len(lines))
        yield {"event": "ledger", **beyond}
    unsettled = beyond.get("unsettled", {})
    # transcripts that are there tell of all that is not older than they are
    if before := beyond.get("before" if _has_transcripts(path) else "unsettled"):
        yield {"event": "unsettled", "amounts": before}
    # why the last session ended is in no commit, but that the budget was used up can be seen
    used_up = [name for name, limit in limits["limits"].items() if spent[name] + unsettled.get(name, 0) >= limit]
    yield {"event": "stopped", "reason": used_up[0] if used_up else "cloned"}


def _has_transcripts(path: Path) -> bool:
    return any((path / ".evolve" / name).exists() for name in (TRANSCRIPT, EVALUATIONS))


@dataclass(frozen=True, slots=True)
class _Cut:
    """One commit of the ledger, with the lines and the commits of its trials, and the events of a gate among them."""

    commit: str
    lines: list[bytes]
    trials: list[str]
    gate: list[Event]

    def events(self, *, after: int) -> Iterator[Event]:
        """Those that came after so many of its trials."""
        for event in self.gate:
            if event["after"] == after:
                yield {name: value for name, value in event.items() if name != "after"}


def _cuts(repository: git.Repo, tip: str) -> list[_Cut]:
    """The ledger's commits, first to last."""
    cuts: list[_Cut] = []
    commit: str | None = tip
    while commit is not None:
        lines = read_object(repository, f"{commit}:evaluations.jsonl").splitlines()
        head = read_object(repository, commit).split(b"\n\n", 1)[0]
        parents = [line[7:].decode() for line in head.split(b"\n") if line.startswith(b"parent ")]
        gate = [json.loads(line) for line in _optional(repository, f"{commit}:gate.jsonl").splitlines()]
        cuts.append(_Cut(commit, lines, parents[len(parents) - len(lines) :], gate))
        # the first one alone has no parent but its trials
        commit = parents[0] if len(parents) > len(lines) else None
    return cuts[::-1]


def _optional(repository: git.Repo, name: str) -> bytes:
    try:
        return read_object(repository, name)
    except ValueError:
        return b""


def _trial(line: dict[str, Any], program_of: Callable[[int], Program], seen: set[bytes]) -> Iterator[Event]:
    number, parents = line["number"], line.pop("parents")
    program = program_of(number)
    proposal = Proposal(
        program=program,
        parents=tuple(parents),
        operator=line.pop("operator"),
        summary=line.pop("summary"),
        usage=Usage(**line.pop("usage", {})),
        note=line.pop("note", {}),
    )
    if lane := line.pop("lane", ""):
        yield {"event": "asked", "number": number, "parents": parents, "lane": lane}
    identity = fingerprint(program)
    yield {
        "event": "proposed",
        "number": number,
        **encode_proposal(proposal, program_of(parents[0]) if parents else None),
        **({"fingerprint": identity.hex()} if identity not in seen else {}),
    }
    seen.add(identity)
    yield {"event": "told", "number": number, **line}
