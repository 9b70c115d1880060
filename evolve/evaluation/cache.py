"""Evaluations that are known already: on disk, for every run of this user.

Opt-in, with `[evaluator] cache = true`, which says that a score depends on nothing but the program and the seed. What
is kept is found by everything that it depends on: the evaluator's files, the program's, the seed program's, the
sandbox, the versions of what runs there, the split, the seed. Faults are never kept, nor what a busy machine can cause:
failures, timeouts, limits.

A cached evaluation is counted as one, so a search is the same with the cache and without it, but faster.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evolve.errors import TaskError
from evolve.evaluation.scorer import Around, Scorer
from evolve.journal import decode_evaluation, encode_evaluation
from evolve.types import Evaluation, Program, Split, Status

__all__ = ["MOST_BYTES", "Cached"]

MOST_BYTES = 2**30
"""Of all that is kept on disk; beyond it, what was not used for longest goes."""

_VERSION = 1
_KEPT = frozenset({Status.OK, Status.SCREENED, Status.INVALID})
_TRIM_EVERY = 500  # evaluations written
_TRIM_TO = 0.8
_ABANDONED = 3600.0  # seconds after which a file that was never finished belongs to nobody


class Cached(Around):
    """Scores programs with `evaluator`, but for those that it has scored before.

    Args:
        folder: where evaluations are kept; it is made when it is missing. Several processes may use it at once.
        identity: what scores depend on beside the program, the split and the seed.
        most_bytes: what may lie in `folder`.

    A disk that is full, or a file that somebody damaged, costs an evaluation and nothing else.
    """

    def __init__(
        self, evaluator: Scorer, folder: Path, identity: Sequence[str], *, most_bytes: int = MOST_BYTES
    ) -> None:
        super().__init__(evaluator)
        self._folder = folder
        self._identity = list(identity)
        self._most_bytes = most_bytes
        self._writing = threading.Lock()
        self._written = 0

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """What is known of the program, its cost marked as `cached`; else what the evaluator says.

        Raises as that does, and `TaskError` for another seed than 0 when the evaluator takes none: repeats would all
        be the first one.
        """
        if seed and not self._scorer.seeds:
            raise TaskError(
                "[evaluator] cache says that a score depends on the program alone, so repeats of it would all be the "
                "same: take `cache` or `repeats` out of task.toml, or give evaluate() a parameter `seed`"
            )
        path = self._path(program, split, seed)
        known = _read(path)
        if known is not None:
            return replace(known, cost=replace(known.cost, cached=True))
        evaluation = self._scorer.evaluate(program, split=split, seed=seed)
        if evaluation.status in _KEPT:
            self._write(path, evaluation)
        return evaluation

    def _path(self, program: Program, split: Split, seed: int) -> Path:
        key = json.dumps([_VERSION, self._identity, program.tree, split, seed])
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name[2:]

    def _write(self, path: Path, evaluation: Evaluation) -> None:
        """Keep it, whole or not at all: a reader sees the file when it is finished."""
        artifacts = {name: base64.b64encode(content).decode() for name, content in evaluation.artifacts.items()}
        text = json.dumps({"evaluation": encode_evaluation(evaluation), "artifacts": artifacts}).encode()
        draft = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, draft = tempfile.mkstemp(prefix=".", dir=path.parent)
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
            Path(draft).replace(path)
        except OSError:
            if draft:
                with contextlib.suppress(OSError):
                    Path(draft).unlink(missing_ok=True)
            return
        with self._writing:
            due = self._written % _TRIM_EVERY == 0
            self._written += 1
        if due:
            self._trim()

    def _trim(self) -> None:
        """Make room, and remove what processes that were killed did not finish."""
        kept: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):  # another process may have removed it
                found = path.stat()
                if path.name.startswith(".") and time.time() - found.st_mtime > _ABANDONED:
                    path.unlink()
                else:
                    kept.append((found.st_mtime, found.st_size, path))
        size = sum(bytes_ for _, bytes_, _ in kept)
        if size <= self._most_bytes:
            return
        for _, bytes_, path in sorted(kept):
            if size <= self._most_bytes * _TRIM_TO:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            size -= bytes_


def _read(path: Path) -> Evaluation | None:
    """What a file holds; None when there is none, or it is not what was written."""
    try:
        digest, text = path.read_bytes().split(b"\n", 1)
        if hashlib.sha256(text).hexdigest().encode() != digest:
            raise ValueError("it was damaged")  # noqa: TRY301 - as is whatever cannot be read below
        held = json.loads(text)
        artifacts = {name: base64.b64decode(content) for name, content in held["artifacts"].items()}
        evaluation = replace(decode_evaluation(held["evaluation"]), artifacts=artifacts)
        os.utime(path)  # what is used stays longest
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return evaluation
