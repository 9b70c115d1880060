"""Who started a container or made a control group: enough to know for certain, later, that it is gone.

A process id alone is used again sooner or later. With the time the process started, the boot of the machine and the
namespace that counts the ids it names one process for ever.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Owner"]


@dataclass(frozen=True, slots=True)
class Owner:
    """One process. `started` is in clock ticks after the boot (proc(5), field 22 of /proc/PID/stat)."""

    boot: str
    namespace: str
    process: int
    started: int

    @classmethod
    def this(cls) -> Self:
        """The process that asks."""
        process = os.getpid()
        if sys.platform != "linux":
            return cls("", "", process, 0)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")
        namespace = str(Path("/proc/self/ns/pid").readlink()).removeprefix("pid:[").removesuffix("]")
        return cls(boot, namespace, process, _started(process) or 0)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The owner that `str` wrote, or None when this is none."""
        try:
            boot, namespace, process, started = text.split("-")
            return cls(boot, namespace, int(process), int(started))
        except ValueError:
            return None

    def __str__(self) -> str:
        """Letters, digits and hyphens, so that it can be part of a name."""
        return f"{self.boot}-{self.namespace}-{self.process}-{self.started}"

    def is_gone(self) -> bool:
        """True only when it is certain: the same boot, ids counted in the same namespace, and no such process.

        Of an owner on another machine, in another container or before a restart, nothing is known here.
        """
        this = Owner.this()
        if not self.boot or (self.boot, self.namespace) != (this.boot, this.namespace):
            return False
        return _started(self.process) != self.started


def _started(process: int) -> int | None:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold spaces and parentheses itself
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])
