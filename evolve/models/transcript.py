"""The transcript: every request to a model and every answer, once, keyed by trial and call.

`transcript.jsonl` is append-only, one JSON object a line:

    {"trial": 7, "call": 0, "sent": {...}, "hash": "...", "most": {...}}   before a request leaves
    {"trial": 7, "call": 0, "reply": {...}}                                its answer
    {"trial": 7, "call": 0, "fault": "...", "charged": false}              there is none, and whether it may cost

A request that left and has no answer, because the process was killed, may have been paid for: it counts as the most
that it could have taken. An answer is on the disk before anybody acts on it, so no paid one is ever asked for again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evolve.errors import RunDamaged, StorageError
from evolve.types import Reply, Request, Usage

__all__ = ["EVALUATIONS", "TRANSCRIPT", "Call", "Transcript", "answered", "request_hash", "unanswered"]

TRANSCRIPT = "transcript.jsonl"
"""Its name below a run's state."""

EVALUATIONS = "evaluations.jsonl"
"""The transcript of what evaluations have asked models, below a run's state."""

_LINE = re.compile(rb'\{"trial":(\d+),"call":(\d+),"(sent|reply|fault)":')


@dataclass(slots=True)
class Call:
    """One call. `usage` is what its answer took, None while there is none; `most` what it may have taken until then.

    `charged` says whether it may have been paid for without an answer, `unfit` whether the service does not allow it.
    `at` is where in the file its answer stands.
    """

    hash: str
    most: Usage
    usage: Usage | None = None
    charged: bool = True
    unfit: bool = False
    at: int = 0


def request_hash(model: str, request: Request) -> str:
    """32 hexadecimal digits that differ for requests that differ."""
    said = json.dumps([model, request.messages, request.max_tokens, request.temperature], ensure_ascii=True)
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


def answered(path: Path, trials: Collection[int] | None = None) -> Usage:
    """What the calls of these trials, or of all, took that have an answer in the file at `path`.

    Raises `StorageError` when it cannot be read.
    """
    wanted = None if trials is None else {str(number).encode() for number in trials}
    total = Usage()
    for _, line, trial, _, kind in _heads(path):
        if kind == b"reply" and (wanted is None or trial in wanted):
            total += Usage(**json.loads(line)["reply"]["usage"])
    return total


def unanswered(path: Path) -> Usage:
    """What the calls in the file at `path` may have taken that have no answer and may have been paid for, at most.

    A process may be writing it; those are the calls in flight then. Raises `StorageError` when it cannot be read.
    """
    open_calls: dict[tuple[bytes, bytes], int] = {}
    for at, line, trial, call, kind in _heads(path):
        if kind == b"sent":
            open_calls[trial, call] = at
        elif kind == b"reply" or line.endswith(b'"charged":false}\n'):
            open_calls.pop((trial, call), None)
    total = Usage()
    try:
        with path.open("rb") as file:
            for start in open_calls.values():
                file.seek(start)
                total += Usage(**json.loads(file.readline())["most"])
    except OSError as error:
        raise StorageError(f"cannot read the transcript {path}: {error.strerror}") from error
    return total


def _heads(path: Path) -> Iterator[tuple[int, bytes, bytes, bytes, bytes]]:
    """The whole lines, as offset, line, trial, call and kind: prompts are long, and few have to be taken apart."""
    try:
        for _, at, line in _lines(path):
            if (found := _LINE.match(line)) is not None:
                trial, call, kind = found.groups()
                yield at, line, trial, call, kind
    except OSError as error:
        raise StorageError(f"cannot read the transcript {path}: {error.strerror}") from error


class Transcript:
    """Appends to the file at `path`; may be used by several threads at once.

    Raises `StorageError` when the disk refuses, `RunDamaged` when the file is no transcript.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._calls: dict[int, dict[int, Call]] = {}
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._size = 0
            for number, at, line in _lines(path):
                self._fold_safely(number, at, line)
            os.ftruncate(self._fd, self._size)  # a torn last line
        except OSError as error:
            raise StorageError(f"cannot open the transcript {path}: {error.strerror}") from error

    def calls(self, trial: int) -> dict[int, Call]:
        """The calls of a trial that is not forgotten, by index."""
        with self._turn:
            return dict(self._calls.get(trial, {}))

    def reply(self, call: Call) -> Reply:
        """The answer of a call that has one."""
        with self.path.open("rb") as file:
            file.seek(call.at)
            return _reply(json.loads(file.readline()))

    def trials(self) -> list[int]:
        """The trials that have calls and are not forgotten."""
        with self._turn:
            return sorted(self._calls)

    def forget(self, trial: int) -> None:
        """The trial was told: nobody will ask for its calls any more. The file keeps them."""
        with self._turn:
            self._calls.pop(trial, None)

    def sent(self, trial: int, index: int, model: str, request: Request, most: Usage) -> None:
        """A request is about to leave."""
        call = Call(request_hash(model, request), most)
        line = {
            "trial": trial,
            "call": index,
            "sent": {"model": model, **asdict(request)},
            "hash": call.hash,
            "most": _given(most),
        }
        self._append(line)

    def answered(self, trial: int, index: int, reply: Reply) -> None:
        """Its answer came."""
        said = {**asdict(reply), "usage": _given(reply.usage), "seconds": round(reply.seconds, 3)}
        self._append({"trial": trial, "call": index, "reply": said})

    def failed(self, trial: int, index: int, fault: str, *, charged: bool, unfit: bool = False) -> None:
        """There is none; `charged` when it may have been served all the same, `unfit` when the request is at fault."""
        more = {"unfit": True} if unfit else {}
        self._append({"trial": trial, "call": index, "fault": fault, "charged": charged, **more})

    def close(self) -> None:
        """May be called twice."""
        with self._turn:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _append(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode() + b"\n"
        with self._turn:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
                os.fdatasync(self._fd)
            except OSError as error:
                os.ftruncate(self._fd, self._size)
                raise StorageError(
                    f"cannot write to {self.path}: {error.strerror}; no answer is lost: make room, then resume"
                ) from error
            self._fold(line, self._size)
            self._size += len(data)

    def _fold_safely(self, number: int, at: int, line: bytes) -> None:
        try:
            self._fold(json.loads(line), at)
        except (LookupError, TypeError, ValueError) as error:
            raise RunDamaged(f"{self.path}, line {number}, is no line of a transcript ({error!r})") from error
        self._size = at + len(line)

    def _fold(self, line: dict[str, Any], at: int) -> None:
        calls = self._calls.setdefault(line["trial"], {})
        if "sent" in line:
            calls[line["call"]] = Call(line["hash"], Usage(**line["most"]))
        elif "reply" in line:
            call = calls[line["call"]]
            call.usage, call.at = Usage(**line["reply"]["usage"]), at
        else:
            call = calls[line["call"]]
            call.charged, call.unfit = line["charged"], line.get("unfit", False)


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """The lines as (number, offset, line), a torn last one left out."""
    at = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            yield number, at, line
            at += len(line)


def _reply(line: dict[str, Any]) -> Reply:
    said = line["reply"]
    return Reply(**{**said, "usage": Usage(**said["usage"])})


def _given(usage: Usage) -> dict[str, int]:
    return {name: value for name, value in asdict(usage).items() if value}
