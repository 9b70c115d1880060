"""Leaves processes of unusual kinds, which who looks for children may overlook."""

import ctypes
import os
import signal
import threading
import time
from typing import Any

_NAME, _SUBREAPER, _PDEATHSIG, _DUMPABLE = 15, 36, 1, 4

STATUS = "ok"


def attack(world: Any) -> list[str]:
    """A child of a thread; a leader that has ended while its thread goes on; a reaper of its own; a stopped one; two
    whose names are made to be misread; one that nobody may look at."""
    libc = ctypes.CDLL(None)
    kinds = [
        lambda: libc.prctl(_SUBREAPER, 1, 0, 0, 0),
        lambda: libc.prctl(_NAME, b") Z 1 1 (", 0, 0, 0),
        lambda: libc.prctl(_NAME, b"\rUid:\t0\t0\t0\t0", 0, 0, 0),
        lambda: libc.prctl(_PDEATHSIG, 0, 0, 0, 0),
        lambda: libc.prctl(_DUMPABLE, 0, 0, 0, 0),
        _leaderless,
    ]
    for kind in kinds:
        if os.fork() == 0:
            os.setsid()
            kind()
            world.stay()
    threading.Thread(target=lambda: os.fork() or world.stay()).start()
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        world.stay()
    time.sleep(0.1)
    return []


def _leaderless() -> None:
    exit_thread = {"x86_64": 60, "aarch64": 93}.get(os.uname().machine)
    if exit_thread is not None:
        threading.Thread(target=time.sleep, args=(60,)).start()
        ctypes.CDLL(None).syscall(exit_thread, 0)
