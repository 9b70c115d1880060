"""Leaves System V memory, semaphores and queues, POSIX queues and keys, which outlive their process."""

import ctypes
import os
from typing import Any

_CREATE = 0o1000
_KEY = 0x45564F
_SESSION_RING, _USER_RING = -3, -4
_READ = 11


def attack(world: Any) -> list[str]:
    """Each under a name that a later candidate knows."""
    found = []
    found += ["shared memory"] if world.error("shmget", _KEY, 4096, _CREATE | 0o600) == 0 else []
    found += ["semaphores"] if world.error("semget", _KEY, 1, _CREATE | 0o600) == 0 else []
    found += ["a queue"] if world.error("msgget", _KEY, _CREATE | 0o600) == 0 else []
    found += ["a POSIX queue"] if world.error("mq_open", b"left", os.O_CREAT | os.O_RDWR, 0o600, None) == 0 else []
    for ring in (_SESSION_RING, _USER_RING):
        payload = ctypes.create_string_buffer(b"left")
        if world.error("add_key", b"user", b"left", payload, 4, ring) == 0:
            found.append(f"a key in ring {ring}")
    return found


def collect(world: Any) -> list[str]:
    """Look for each."""
    found: list[str] = world.reached("keyctl", _READ, _USER_RING, 0, 0)
    found += ["shared memory is left"] if world.error("shmget", _KEY, 0, 0) == 0 else []
    found += ["semaphores are left"] if world.error("semget", _KEY, 0, 0) == 0 else []
    found += ["a queue is left"] if world.error("msgget", _KEY, 0) == 0 else []
    found += ["a POSIX queue is left"] if world.error("mq_open", b"left", os.O_RDWR, 0, None) == 0 else []
    found += ["a key is left"] if world.error("request_key", b"user", b"left", None, _USER_RING) == 0 else []
    return found
