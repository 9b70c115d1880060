"""A look at the processes of this machine, to see what a sandbox has left behind. Linux only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["gone", "living", "settles"]


def living(mark: str) -> list[int]:
    """The processes whose command line or environment has `mark` in it, this one aside."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and int(path.name) != os.getpid():
                said = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
                if mark.encode() in said:
                    found.append(int(path.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def settles(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition holds within this time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
