"""The sessions of a sandbox: those that are open, and those that threads are opening right now."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from evolve.errors import SandboxFault
from evolve.types import Session

__all__ = ["Openings"]

S = TypeVar("S", bound=Session)


class Openings(Generic[S]):
    """Knows which sessions are open. When it is closed they are, nothing is opened any more, and nothing is underway.

    A search that ends leaves threads in the middle of an evaluation: what such a thread is just opening would otherwise
    come into being after everything was closed, and lie about until the thread finds that out.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[S] = set()
        self._coming = 0
        self._closed = False

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Around what opens a session and adds it. Raises `SandboxFault` when the sandbox is closed."""
        with self._changed:
            if self._closed:
                raise SandboxFault("the sandbox is closed")
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify_all()

    def add(self, session: S) -> None:
        """It is open."""
        with self._changed:
            self._open.add(session)

    def discard(self, session: S) -> None:
        """It is closed, and nothing of it is left."""
        with self._changed:
            self._open.discard(session)

    def close(self) -> None:
        """Close all of them, when those that are being opened are there. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._coming)
            left = list(self._open)
        for session in left:
            session.close()
