"""A run from its commits alone: the journal of a clone, made again from the ledger.

What was measured (seconds, memory) and what was in flight is not in git; everything else is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import git

from evolve.errors import LineageError, RunNotFound
from evolve.fingerprint import fingerprint
from evolve.journal import Event, encode_proposal
from evolve.lineage import read_object, read_program
from evolve.run import Run
from evolve.types import Program, Proposal, Usage

__all__ = ["needs_recovery", "recover"]

_LEDGERS = ("refs/heads/trials", "refs/remotes/origin/trials")


def needs_recovery(path: Path) -> bool:
    """Whether `path` is a clone of a run, or one that lost its journal: a ledger without the engine's state."""
    state = path / ".evolve"
    whole = (state / "config.toml").exists() and (state / "journal.jsonl").exists()
    if whole or not (path / ".git").exists():
        return False
    with git.Repo(path) as repository:
        return _ledger(repository) is not None


def recover(path: Path) -> None:
    """Make `.evolve/` again from the ledger in the repository at `path`.

    Raises `RunNotFound` when there is no ledger, `LineageError` when it cannot be read, `StorageError`.
    """
    with git.Repo(path) as repository:
        tip = _ledger(repository)
        if tip is None:
            raise RunNotFound(f"{path} has no branch 'trials', so it is no clone of a run")
        try:
            Run.restore(path, read_object(repository, f"{tip}:config.toml"), _events(repository, tip))
        except (git.GitError, KeyError, ValueError) as error:
            raise LineageError(f"the ledger in {path} cannot be read: {error!r}") from error


def _ledger(repository: git.Repo) -> str | None:
    for name in _LEDGERS:
        try:
            return repository.commit(name).hexsha
        except (git.BadName, ValueError):
            continue
    return None


def _events(repository: git.Repo, tip: str) -> Iterator[Event]:
    commits: dict[int, str] = {}
    limits: dict[str, Any] = {}
    seen: set[bytes] = set()

    @lru_cache(maxsize=256)
    def program_of(number: int) -> Program:
        return read_program(repository, commits[number])

    for cut in _cuts(repository, tip):
        budget = json.loads(read_object(repository, f"{cut.commit}:budget.json"))
        del budget["spent"]  # it follows from the trials
        if budget != limits:
            limits = budget
            yield {"event": "opened", **budget}
        lines = [json.loads(line) for line in cut.lines]
        commits.update(zip((line["number"] for line in lines), cut.trials, strict=True))
        for line in lines:
            yield from _trial(line, program_of, seen)
        yield {"event": "ledger"}


@dataclass(frozen=True, slots=True)
class _Cut:
    """One commit of the ledger, with the lines and the commits of its trials."""

    commit: str
    lines: list[bytes]
    trials: list[str]


def _cuts(repository: git.Repo, tip: str) -> list[_Cut]:
    """The ledger's commits, first to last."""
    cuts: list[_Cut] = []
    commit: str | None = tip
    while commit is not None:
        lines = read_object(repository, f"{commit}:evaluations.jsonl").splitlines()
        head = read_object(repository, commit).split(b"\n\n", 1)[0]
        parents = [line[7:].decode() for line in head.split(b"\n") if line.startswith(b"parent ")]
        cuts.append(_Cut(commit, lines, parents[-len(lines) :]))
        # the first one alone has no parent but its trials
        commit = parents[0] if len(parents) > len(lines) else None
    return cuts[::-1]


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
    yield {"event": "told", **line}
