"""Rooms: sandbox sessions in which scaffolds run, each with a door at which a gateway answers.

Opening a session takes longer than a proposal in it. So a room is kept for the next scaffold, as sessions are for other
candidates: when its harness tells candidates apart and has found nothing that the last one left. Each scaffold has a
lease and a gateway of its own, and what its predecessor has sent is not heard any more.
"""

from __future__ import annotations

from threading import Lock

from evolve.errors import SandboxFault
from evolve.frames import Frame
from evolve.models.door import Door
from evolve.sandboxes import harness
from evolve.types import Limits, Sandbox, Session

__all__ = ["Room", "Rooms"]

_USUAL = Limits()
_PATIENCE = 90.0  # seconds within which a harness that is well answers


class Room:
    """A session and its door. `served` counts the scaffolds that were in it; `unclean` says why no other should be."""

    def __init__(self, sandbox: Sandbox, limits: Limits) -> None:
        self.served = 0
        self.unclean = "it was not asked"
        self.door = Door(harness.home())
        opened = False
        try:
            self.session: Session = sandbox.open("candidate", limits, gateway=self.door.path)
            opened = True
        finally:
            if not opened:
                self.door.close()

    def end(self) -> None:
        """End the program that is in it. Raises `SandboxFault`."""
        self.unclean = "its program was not ended"
        try:
            self.session.send(Frame({"op": "end"}))
            answer = self.session.receive(_PATIENCE)
        except TimeoutError as error:
            raise SandboxFault(f"a scaffold cannot be ended: {error}") from error
        self.unclean = str(answer.head.get("unclean", ""))

    def close(self) -> None:
        """End the session, and nobody is heard at the door any more. May be called twice."""
        self.session.close()
        self.door.close()


class Rooms:
    """Lends rooms in `sandbox`, each to one scaffold at a time. May be used by several threads at once.

    A room is for `most` scaffolds at most. With 1 nothing is kept, and there is nothing to close.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits = _USUAL, *, most: int = 1) -> None:
        self._sandbox, self._limits, self._most = sandbox, limits, most
        self._turn = Lock()
        self._idle: list[Room] = []
        self._taken: set[Room] = set()
        self._closed = False

    @classmethod
    def of(cls, where: Sandbox | Rooms, limits: Limits) -> Rooms:
        """The rooms, or such in the sandbox that are kept for nobody."""
        return where if isinstance(where, Rooms) else cls(where, limits)

    def take(self) -> Room:
        """One that is empty. Raises as `Sandbox.open` does."""
        with self._turn:
            self._check()
            room = self._idle.pop() if self._idle else None
        room = room or Room(self._sandbox, self._limits)
        try:
            with self._turn:
                self._check()
                room.served += 1
                self._taken.add(room)
        except SandboxFault:
            room.close()
            raise
        return room

    def give(self, room: Room) -> None:
        """Take one back. It is kept unless something speaks against it."""
        with self._turn:
            self._taken.discard(room)
            well = not (room.unclean or room.door.deaf or self._closed)
            if well and room.served < self._most:
                self._idle.append(room)
                return
        room.close()

    def probe(self) -> None:
        """Raise `SandboxFault` unless a session without a scaffold can be opened and used now."""
        with self._turn:
            self._check()  # else whoever was in a room when it was closed would bear it
        session = self._sandbox.open("candidate", self._limits)
        try:
            session.send(Frame({"op": "end"}))
            session.receive(_PATIENCE)
        except TimeoutError as error:
            raise SandboxFault(f"a session does not answer: {error}") from error
        finally:
            session.close()

    def close(self) -> None:
        """Close all of them; who is in one gets a `SandboxFault`. May be called twice."""
        with self._turn:
            self._closed = True
            left = [*self._idle, *self._taken]
            self._idle.clear()
            self._taken.clear()
        for room in left:
            room.close()

    def _check(self) -> None:
        if self._closed:
            raise SandboxFault("the evaluator is closed")
