"""Processor time of a process and of all that it has started."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["tree_seconds"]

_PROC = Path("/proc")


def tree_seconds(pid: int) -> float:
    """Processor seconds so far of a process, of those below it, and of those that they have waited for.

    Read from Linux's /proc, a few microseconds for each process; what runs elsewhere, as containers of a daemon do, is
    not in it, and neither is what was killed together with its parent. 0 for a process that is not there.
    """
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            # the name may hold blanks and brackets, so what counts begins behind the last one
            fields = (_PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
            below = [
                int(child)
                for task in (_PROC / str(process) / "task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except (OSError, ValueError):
            continue  # it has ended meanwhile
        total += sum(int(ticks) for ticks in fields[11:15])
        waiting += below
    return total / os.sysconf("SC_CLK_TCK")
