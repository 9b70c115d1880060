"""Speaks to a harness as the engine does, to try what a session can do."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evolve.frames import Frame, pack, unpack
from evolve.types import Session

__all__ = ["Caller", "Stopped", "running"]

_GRACE = 60.0  # seconds that a slow machine may add to a timeout


class Stopped(Exception):
    """The candidate did not answer; `kind` says why, `output` is the end of what it printed."""

    def __init__(self, kind: str, error: str, output: str) -> None:
        super().__init__(f"{kind}: {error}")
        self.kind, self.output = kind, output


class Caller:
    """Loads a program into a candidate's session and calls its functions. Raises what the session raises."""

    def __init__(self, session: Session, source: str = "") -> None:
        self.session = session
        if source:
            self.load(source)

    def load(self, source: str) -> None:
        """Make `source` the program, in program.py."""
        head = {"op": "load", "files": [["program.py", False, False]], "module": "program"}
        self.session.send(Frame(head, (source.encode(),)))

    def call(self, function: str, *arguments: object, timeout: float = 60.0, cpu: float | None = None) -> Any:
        """What the function returns; `cpu` is its processor time. Raises `Stopped` when it does not."""
        head = {"op": "call", "function": function, "map": False, "timeout": timeout, "cpu": cpu}
        return unpack(*self._ask(Frame(head, pack(list(arguments))), timeout).buffers)

    def run(self, argv: Sequence[str], *, timeout: float = 60.0) -> Frame:
        """Run an executable with no input: `returncode` and `cut` are in the head, output and error are the buffers."""
        return self._ask(Frame({"op": "run", "argv": list(argv), "timeout": timeout, "cpu": None}, (b"",)), timeout)

    def end(self) -> Frame:
        """End the candidate; what it took is in the head."""
        return self._ask(Frame({"op": "end"}), 0)

    def _ask(self, frame: Frame, timeout: float) -> Frame:
        self.session.send(frame)
        answer = self.session.receive(timeout + _GRACE)
        if answer.head["op"] == "stopped":
            raise Stopped(answer.head["kind"], answer.head["error"], answer.head["output"])
        return answer


def running(marker: str) -> list[int]:
    """The processes of this machine whose command line holds `marker`."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and marker.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
