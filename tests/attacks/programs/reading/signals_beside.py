"""Talks to another candidate by locking or watching a file that both can only read."""

import ctypes
import fcntl
import os
import struct
from typing import Any

HARMLESS = True
_MEETINGS = (os.__file__, "/dev/null")  # a file of the interpreter and a device, which both see
_OPENED = 0x20  # IN_OPEN
_QUERY = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def victim(world: Any) -> list[str]:
    """Hold locks for a while, and open the files again and again."""
    files = [open(path, "rb") for path in _MEETINGS]  # noqa: SIM115 - held to the end
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    fcntl.lockf(files[0], fcntl.LOCK_SH)
    for _ in world.until(2.0):
        with open(_MEETINGS[0], "rb"):
            pass
    return []


def attack(world: Any) -> list[str]:
    """Feel it."""
    felt: set[str] = set()
    watch = _watch(_MEETINGS[0])
    files = [open(path, "rb") for path in _MEETINGS]  # noqa: SIM115 - held to the end
    _drain(watch)  # our own opening
    for _ in world.until(1.5):
        for file in files:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                felt.add(f"a lock of the other one's on {file.name} is felt")
            else:
                fcntl.flock(file, fcntl.LOCK_UN)
        if struct.unpack("hhqqi", fcntl.fcntl(files[0], fcntl.F_GETLK, _QUERY))[0] != fcntl.F_UNLCK:
            felt.add("a record lock of the other one's is felt")
        if _drain(watch):
            felt.add("the other one is heard opening a file")
    return sorted(felt)


def _watch(path: str) -> int:
    """A descriptor that tells who opens the file, or -1."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch: int = libc.inotify_init1(os.O_NONBLOCK)
    if watch >= 0 and libc.inotify_add_watch(watch, path.encode(), _OPENED) < 0:
        return -1
    return watch


def _drain(watch: int) -> bytes:
    try:
        return os.read(watch, 65536) if watch >= 0 else b""
    except BlockingIOError:
        return b""
