"""What both roles begin and end with: the channel, the loop, the tree of processes, and nothing left behind."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import folder
from loop import Closed, Loop
from tree import Tree, become_guard
from users import Users

_LOOKS, _PAUSE = 60, 0.05  # how often, and how many seconds apart, a dying engine's lock is tried


class EngineGone(Exception):
    """The engine's end of the channel is closed."""


class Guard:
    """This process: the parent of all that runs in the session. `scratch` is its folder, and goes with it; where there
    are many `users`, it is the candidate's to make."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.users = Users() if settings["separate"] else None
        # our channel moves away from the numbers that programs expect to be theirs
        self.into = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        self.out = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
        empty = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(empty, 0)
        os.dup2(2, 1)
        become_guard()
        self.scratch: str = settings["scratch"] or self._place()
        self._abandoned: list[str] = settings["abandoned"]
        self.loop = Loop(self._reap)
        self.tree = Tree(self.users, counted=settings["counted"], pause=self.loop.pause)

    def _reap(self) -> None:
        self.tree.reap()

    def _place(self) -> str:
        return os.path.join(tempfile.gettempdir(), "evolve") if self.users else tempfile.mkdtemp(prefix="evolve-")

    def run(self, serve: Callable[[], object]) -> int:
        """Serve until the engine closes the session (SIGTERM) or is gone; then end and remove everything."""
        alone = False
        try:
            serve()
        except Closed:
            pass
        except (EngineGone, BrokenPipeError):
            alone = True
        finally:
            self.tree.kill()
            folder.remove(self.scratch)
        for path in self._abandoned if alone else ():
            if _is_abandoned(path):
                folder.remove(path)
        return 0


def _is_abandoned(path: str) -> bool:
    """Whether nobody holds the lock of an engine's folder any more."""
    try:
        lock = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False  # somebody else is removing it
    try:
        # an engine that dies closes one descriptor after the other, and ours may come long before that of the lock
        for _ in range(_LOOKS):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE)
            else:
                return True
        return False
    finally:
        os.close(lock)
