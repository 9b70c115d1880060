"""An honest program. It says what it finds around it, which must be the same whoever was there before."""

import json
import math
import os
import random
import resource
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

HARMLESS = True
STYLE = "distance"
SECONDS = 60.0


def victim(_world: Any) -> dict[str, str]:
    """Where it is."""
    return {name: os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "mnt", "net", "ipc")}


def attack(world: Any) -> dict[str, Any]:
    """Everything that a program before this one could have changed."""
    found = {
        "environment": sorted(name for name in os.environ),
        "folder": sorted(os.listdir()),
        "limits": [
            list(resource.getrlimit(which))
            for which in (resource.RLIMIT_CORE, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)
        ],
        "priority": [os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
        "signals": [line for line in _lines("/proc/self/status") if line.startswith(("SigBlk", "SigIgn", "SigPnd"))],
        "umask": [line for line in _lines("/proc/self/status") if line.startswith("Umask")],
        "personality": _lines("/proc/self/personality"),
        "oom_score": _lines("/proc/self/oom_score_adj"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "arithmetic": _arithmetic(),
    }
    return {**found, **_around()} if world.apart else found


def _arithmetic() -> list[Any]:
    """What modules say that somebody may have tampered with."""
    import numpy as np  # noqa: PLC0415 - as programs do, some of which find it imported already

    start = time.monotonic()
    return [
        json.dumps(json.loads('{"a": [1, 2.5, null]}')),
        math.sqrt(2.0),
        random.Random(1).random(),
        statistics.mean([1, 2, 4]),
        sorted([3, 1, 2]),
        float(np.mean(np.arange(4.0))),
        float(np.random.default_rng(1).random()),
        time.monotonic() - start < 60,
        abs(time.time() - os.stat("order.json").st_mtime) < 100,
    ]


def _around() -> dict[str, Any]:
    """What there is besides, in a sandbox that is nobody else's."""
    disk = {place: os.statvfs(place) for place in ("/tmp", "/dev/shm")}
    return {
        "files": sorted(path for top in ("/tmp", "/dev", "/var/tmp", "/run") for path in _below(top)),
        "disk": [(place, left.f_bfree >> 8, left.f_ffree // 100) for place, left in disk.items()],
        "processes": sum(name.isdigit() and _runs(name) for name in os.listdir("/proc")),
        "ipc": [_lines(f"/proc/sysvipc/{kind}")[1:] for kind in ("msg", "sem", "shm")],
        "sockets": len(_lines("/proc/net/unix")),
        "mounts": len(_lines("/proc/self/mountinfo")),
        "keys": _lines("/proc/keys"),
        "hostname": os.uname().nodename,
    }


def _runs(pid: str) -> bool:
    """Whether the process is more than the memory of one."""
    return any(line.startswith("State") and "Z" not in line for line in _lines(f"/proc/{pid}/status"))


def _below(top: str) -> Iterator[str]:
    """What is there, but for this program's own folder and the interpreter's."""
    for name in os.listdir(top) if os.path.isdir(top) else ():
        path = os.path.join(top, name)
        if os.path.isdir(path) and not os.path.islink(path) and path not in (os.getcwd(), sys.prefix):
            inner = list(_below(path))
            yield from inner
            if inner or (not f"{os.getcwd()}/".startswith(f"{path}/") and not f"{sys.prefix}/".startswith(f"{path}/")):
                yield path
        elif path not in (os.getcwd(), sys.prefix):
            yield path


def _lines(path: str) -> list[str]:
    try:
        with open(path) as file:
            return file.read().splitlines()
    except OSError:
        return []


def solve(_world: Any, _question: int) -> float:
    """The same guess each time."""
    return 0.5
