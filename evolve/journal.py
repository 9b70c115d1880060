"""The journal: the one file from which a run can be made again.

`journal.jsonl` is append-only, one JSON object a line, in the order in which things happened:

    {"event": "journal", "version": 1}                      first line
    {"event": "opened", "limits": {...}, "elapsed": 0.0}    a session begins, with this budget; "task" when that moved
    {"event": "asked", "number": 7, "parents": [3], ...}    a selection was made for trial 7
    {"event": "duplicate", "number": 7, "attempt": 0, ...}  its proposal was one that was tried before, and cost nothing
    {"event": "proposed", "number": 7, "changes": {}, ...}  its program, as changes to its first parent's
    {"event": "told", "number": 7, "status": "ok", ...}     its evaluation; the trial is finished
    {"event": "gate", "what": "pair", ...}                  what a gate has learned, in its own words
    {"event": "ledger"}                                     the trials told since the last one went into the ledger;
                                                            "unsettled", what was used that no trial tells of, and
                                                            "before", what of it is older than the journal
    {"event": "unsettled", "amounts": {...}}                that, in the journal that a clone makes of its commits
    {"event": "held_out", "number": 7, ...}                 the score of a reported program on held-out instances
    {"event": "stopped", "reason": "...", "elapsed": 1.5}   the session ended by itself

A last line that is torn, because the process was killed while it wrote, is dropped.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from evolve.errors import RunDamaged, StorageError
from evolve.types import Cost, Evaluation, Json, Program, Proposal, Rescored, Status, Trial, Usage

__all__ = [
    "VERSION",
    "Event",
    "Journal",
    "Replay",
    "decode_evaluation",
    "decode_proposal",
    "encode_changes",
    "encode_evaluation",
    "encode_proposal",
    "encode_usage",
    "finish",
    "read",
    "unfinished",
]

VERSION = 1

Event = dict[str, Any]

_BEGINS = re.compile(rb'\{"event":"(asked|told)","number":(\d+)')


class Journal:
    """Appends events to a file. Raises `StorageError` when the disk refuses; what was written before stays whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._truncate_torn_line(path)
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if os.fstat(self._fd).st_size == 0:
                self.append({"event": "journal", "version": VERSION})
        except OSError as error:
            raise StorageError(f"cannot write the journal {path}: {error.strerror}") from error

    def append(self, event: Mapping[str, Json]) -> None:
        """Write one event. It outlives the death of this process at once, that of the machine after `sync`."""
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode() + b"\n"
        size = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, line)
            while written < len(line):
                written += os.write(self._fd, line[written:])
        except OSError as error:
            os.ftruncate(self._fd, size)
            raise StorageError(
                f"cannot write to {self.path}: {error.strerror}; nothing recorded is lost: make room, then resume"
            ) from error

    def sync(self) -> None:
        """Wait until the disk has all that was appended."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise StorageError(f"the disk failed on {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @staticmethod
    def _truncate_torn_line(path: Path) -> None:
        if not path.exists():
            return
        with path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            kept, step = end, 1 << 16
            while kept > 0:
                start = max(0, kept - step)
                file.seek(start)
                newline = file.read(kept - start).rfind(b"\n")
                if newline >= 0:
                    kept = start + newline + 1
                    break
                kept = start
            if kept < end:
                file.truncate(kept)


def read(path: Path, only: str = "") -> Iterator[Event]:
    """The events of a journal, or those of one kind `only`, a torn last line left out.

    Raises `RunDamaged`, naming the line, for one that is no event, and for a version that this `evolve` does not know;
    `StorageError` when it cannot be read.
    """
    start = f'{{"event":"{only}"'.encode() if only else b""
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            if number > 1 and not line.startswith(start):
                continue
            try:
                event = json.loads(line)
                kind = event["event"]
            except (ValueError, KeyError, TypeError) as error:
                raise RunDamaged(
                    f"{path}, line {number}, is no journal event; put the file back from a copy, or clone the run with "
                    f"git and resume the clone, which rebuilds the journal from the commits"
                ) from error
            if number == 1 and (kind != "journal" or event.get("version") != VERSION):
                raise RunDamaged(f"{path} has version {event.get('version')!r}; this evolve reads version {VERSION}")
            if number > 1:
                yield event


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


def unfinished(path: Path) -> frozenset[int]:
    """The trials of a journal that were asked for and not told."""
    found: set[int] = set()
    with _open(path) as file:
        for line in file:
            if match := _BEGINS.match(line):
                (found.add if match[1] == b"asked" else found.discard)(int(match[2]))
    return frozenset(found)


def encode_changes(base: Program | None, program: Program) -> dict[str, Json]:
    """The files of `program` that differ from `base`: path -> replacement.

    A replacement is None (removed), ``[text]`` or ``{"base64": ...}`` (the whole file), or ``[start, end, text]`` (that
    range of characters of the base's file replaced).
    """
    changes: dict[str, Json] = {}
    old_files = base.files if base else {}
    for path, content in program.files.items():
        old = old_files.get(path)
        if old != content:
            changes[path] = _encode_file(old, content)
    changes.update((path, None) for path in old_files if path not in program.files)
    return changes


def _encode_file(old: bytes | None, new: bytes) -> Json:
    try:
        text = new.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(new).decode()}
    if old is None:
        return [text]
    try:
        before = old.decode()
    except UnicodeDecodeError:
        return [text]
    start = _common_prefix(before, text)
    tail = _common_prefix(before[start:][::-1], text[start:][::-1])
    return [start, len(before) - tail, text[start : len(text) - tail]]


def _common_prefix(one: str, other: str) -> int:
    """The length of the longest common prefix, by bisection: comparing slices is far faster than characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def decode_changes(base: Program | None, changes: Mapping[str, Any], executables: Sequence[str]) -> Program:
    """The program that `encode_changes` described."""
    files = dict(base.files) if base else {}
    for path, change in changes.items():
        if change is None:
            files.pop(path, None)
        elif isinstance(change, dict):
            files[path] = base64.b64decode(change["base64"])
        elif len(change) == 1:
            files[path] = change[0].encode()
        else:
            start, end, text = change
            before = files[path].decode()
            files[path] = (before[:start] + text + before[end:]).encode()
    return Program(files, frozenset(executables))


def encode_proposal(proposal: Proposal, base: Program | None) -> dict[str, Json]:
    """The fields of a `proposed` event; defaults are left out."""
    usage = proposal.usage
    return {
        "operator": proposal.operator,
        "summary": proposal.summary,
        "parents": list(proposal.parents),
        "tree": proposal.program.tree,
        "changes": encode_changes(base, proposal.program),
        **({"executables": sorted(proposal.program.executables)} if proposal.program.executables else {}),
        **({"usage": encode_usage(usage)} if usage != Usage() else {}),
        **({"note": dict(proposal.note)} if proposal.note else {}),
        **({"rejected": proposal.rejected} if proposal.rejected else {}),
    }


def decode_proposal(event: Event, base: Program | None) -> Proposal:
    """The proposal of a `proposed` event. Raises `RunDamaged` when the program is not the one that was recorded."""
    program = decode_changes(base, event["changes"], event.get("executables", ()))
    if program.tree != event["tree"]:
        raise RunDamaged(
            f"the program of trial {event['number']} does not have the tree {event['tree']} that the journal says"
        )
    return Proposal(
        program=program,
        parents=tuple(event["parents"]),
        operator=event["operator"],
        summary=event["summary"],
        usage=Usage(**event.get("usage", {})),
        note=event.get("note", {}),
        rejected=event.get("rejected", ""),
    )


def encode_usage(usage: Usage) -> dict[str, Json]:
    """The fields that are not zero."""
    return {name: value for name in Usage.__slots__ if (value := getattr(usage, name))}


def encode_evaluation(evaluation: Evaluation, *, measured: bool = True) -> dict[str, Json]:
    """An evaluation as JSON, without its artifacts and, unless `measured`, without what differs from run to run."""
    cost = evaluation.cost
    return {
        "status": str(evaluation.status),
        **({"score": evaluation.score} if evaluation.score is not None else {}),
        **({"fitness": evaluation.fitness} if evaluation.fitness != evaluation.score else {}),
        **({"objectives": dict(evaluation.objectives)} if evaluation.objectives else {}),
        **({"samples": list(evaluation.samples)} if evaluation.samples else {}),
        **({"seeds": list(evaluation.seeds)} if evaluation.seeds else {}),
        **({"evaluations": evaluation.evaluations} if evaluation.evaluations != 1 else {}),
        **({"rescored": [_encode_rescored(again) for again in evaluation.rescored]} if evaluation.rescored else {}),
        **({"won": evaluation.won} if evaluation.won is not None else {}),
        **({"metrics": dict(evaluation.metrics)} if evaluation.metrics else {}),
        **({"measures": dict(evaluation.measures)} if evaluation.measures else {}),
        **({"instances": dict(evaluation.instances)} if evaluation.instances else {}),
        **({"feedback": evaluation.feedback} if evaluation.feedback else {}),
        **(
            {"cost": [round(cost.seconds, 6), round(cost.cpu_seconds, 6), cost.memory_bytes, *[True] * cost.cached]}
            if measured
            else {}
        ),
    }


def _encode_rescored(again: Rescored) -> dict[str, Json]:
    return {
        "number": again.number,
        "samples": list(again.samples),
        "seeds": list(again.seeds),
        **({"fitness": again.fitness} if again.fitness is not None else {}),
        **({"objectives": dict(again.objectives)} if again.objectives else {}),
        **({"status": str(again.status), "feedback": again.feedback} if again.status is not Status.OK else {}),
    }


def decode_evaluation(event: Event) -> Evaluation:
    """The evaluation that `encode_evaluation` described, without artifacts."""
    seconds, cpu_seconds, memory_bytes, *cached = event.get("cost", (0.0, 0.0, 0))
    score = event.get("score")
    return Evaluation(
        status=Status(event["status"]),
        score=score,
        fitness=event.get("fitness", score),
        objectives=event.get("objectives", {}),
        samples=tuple(event.get("samples", ())),
        seeds=tuple(event.get("seeds", ())),
        evaluations=event.get("evaluations", 1),
        rescored=tuple(map(_decode_rescored, event.get("rescored", ()))),
        won=event.get("won"),
        metrics=event.get("metrics", {}),
        measures=event.get("measures", {}),
        instances=event.get("instances", {}),
        feedback=event.get("feedback", ""),
        cost=Cost(seconds=seconds, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes, cached=bool(cached)),
    )


def _decode_rescored(fields: Event) -> Rescored:
    return Rescored(
        number=fields["number"],
        samples=tuple(fields["samples"]),
        seeds=tuple(fields["seeds"]),
        fitness=fields.get("fitness"),
        objectives=fields.get("objectives", {}),
        status=Status(fields.get("status", "ok")),
        feedback=fields.get("feedback", ""),
    )


class Replay:
    """Folds the events of a journal, in order, back into trials.

    Args:
        program_of: the program of a trial that was told before, by its number.

    `asked`, `attempts` and `proposed` hold what is known of the trials that are not told yet, by number; `held_out` the
    held-out evaluations. `stopped` says why the last session ended, "" when it did not end by itself.
    """

    def __init__(self, program_of: Callable[[int], Program]) -> None:
        self._program_of = program_of
        self.asked: dict[int, Event] = {}
        self.attempts: dict[int, int] = {}
        self.proposed: dict[int, Proposal] = {}
        self.held_out: dict[int, Evaluation] = {}
        self.elapsed = 0.0
        self.stopped = ""

    def fold(self, event: Event) -> Trial | None:
        """Take one event; the trial it finishes, if it finishes one. Raises `RunDamaged` for events that cannot be."""
        try:
            return self._fold(event)
        except (LookupError, TypeError, ValueError) as error:
            raise RunDamaged(f"the journal contradicts itself at {str(event)[:200]}: {error!r}") from error

    def _fold(self, event: Event) -> Trial | None:
        self.elapsed = event.get("elapsed", self.elapsed)
        kind, number = event["event"], event.get("number", -1)
        if kind not in {"held_out", "gate", "ledger"}:  # which may come after the end of a session
            self.stopped = event["reason"] if kind == "stopped" else ""
        if kind == "asked":
            self.asked[number] = event
        elif kind == "duplicate":
            self.attempts[number] = event["attempt"] + 1
        elif kind == "proposed":
            parents = event["parents"]
            self.proposed[number] = decode_proposal(event, self._program_of(parents[0]) if parents else None)
        elif kind == "held_out":
            self.held_out[number] = decode_evaluation(event)
        elif kind == "told":
            return self._told(number, event)
        return None

    def _told(self, number: int, event: Event) -> Trial:
        proposal = self.proposed.pop(number)
        asked = self.asked.pop(number, {})
        self.attempts.pop(number, None)
        return finish(
            number,
            proposal,
            decode_evaluation(event),
            lane=asked.get("lane", ""),
            duplicate_of=event.get("duplicate_of"),
        )


def finish(
    number: int, proposal: Proposal, evaluation: Evaluation, *, lane: str = "", duplicate_of: int | None = None
) -> Trial:
    """The trial that a proposal and its evaluation make."""
    return Trial(
        number=number,
        program=proposal.program,
        parents=proposal.parents,
        operator=proposal.operator,
        summary=proposal.summary,
        evaluation=evaluation,
        usage=proposal.usage,
        note=proposal.note,
        lane=lane,
        duplicate_of=duplicate_of,
    )
