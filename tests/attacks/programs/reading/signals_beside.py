"""Talks to another candidate by locking a file that both can only read."""

import fcntl
import os
from typing import Any

HARMLESS = True
_MEETING = os.__file__  # a file of the interpreter, which both see


def victim(world: Any) -> list[str]:
    """Hold the lock for a while."""
    with open(_MEETING, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for _ in world.until(2.0):
            pass
    return []


def attack(world: Any) -> list[str]:
    """See that it is held."""
    with open(_MEETING, "rb") as file:
        for _ in world.until(1.5):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return ["a lock of the other one's is felt"]
            fcntl.flock(file, fcntl.LOCK_UN)
    return []
