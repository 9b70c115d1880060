"""Raises its own limits and its own priority."""

import os
import resource
from collections.abc import Callable
from typing import Any

_FIFO = 1
_REAL_TIME = 1 << 13
_ALL = 3


def attack(world: Any) -> list[str]:
    """Back to what was there before the harness bound it."""
    found = []
    for name in ("AS", "DATA", "NOFILE", "FSIZE", "NPROC", "CORE", "MEMLOCK", "RTPRIO", "NICE", "MSGQUEUE"):
        which = getattr(resource, f"RLIMIT_{name}")
        soft, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            try:
                resource.setrlimit(which, (soft, hard + 1))
                found.append(f"the limit on {name} is raised")
            except (OSError, ValueError):
                continue
    changes: dict[str, Callable[[], Any]] = {
        "a higher priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
        "real time": lambda: os.sched_setscheduler(0, _FIFO, os.sched_param(1)),
        "out of memory last": lambda: _write("/proc/self/oom_score_adj", "-1000"),
    }
    for raised, change in changes.items():
        try:
            change()
            found.append(raised)
        except OSError:
            continue
    found += ["real time for its disk"] if world.error("ioprio_set", 1, 0, _REAL_TIME) == 0 else []
    return found


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
