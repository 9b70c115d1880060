"""A sandbox that is none, for tests of what is around scaffolds: it calls their functions in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evolve.frames import Frame, pack, unpack
from evolve.types import Limits, Role, Session

__all__ = ["HereSandbox"]


class HereSandbox:
    """Runs programs of one file, of the tester's own, that ask no model."""

    name = "here"
    weaknesses: tuple[str, ...] = ("A program is not kept from anything.",)

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:  # noqa: ARG002 - the protocol's
        """A session."""
        return _Here()

    def close(self) -> None:
        """Nothing was started."""


class _Here:
    def __init__(self) -> None:
        self._source = b""
        self._answers: list[Frame] = []

    def send(self, frame: Frame) -> None:
        """Does at once what is asked."""
        match frame.head["op"]:
            case "load":
                ((path, *_),) = frame.head["files"]
                assert path == f"{frame.head['module']}.py"
                self._source = frame.buffers[0]
            case "call":
                names: dict[str, Any] = {}
                try:
                    exec(self._source, names)  # noqa: S102 - the tester's own
                    value = names[frame.head["function"]](*unpack(*frame.buffers))
                except Exception as error:  # noqa: BLE001 - the program's
                    self._answers.append(Frame({"op": "stopped", "kind": "failed", "error": repr(error), "output": ""}))
                else:
                    self._answers.append(Frame({"op": "done", "seconds": 0.0}, pack(value)))
            case _:
                self._answers.append(Frame({"op": "done", "cpu_seconds": 0.0, "memory_bytes": 0, "unclean": ""}))

    def receive(self, timeout: float) -> Frame:  # noqa: ARG002 - the protocol's
        """What is there already."""
        return self._answers.pop(0)

    def close(self) -> None:
        """Nothing is left."""
