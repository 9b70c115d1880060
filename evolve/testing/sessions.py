"""Speaks to a harness as the engine does, for tests and benchmarks of sandboxes."""

from __future__ import annotations

import time
from collections.abc import Callable

from evolve.sandboxes.caller import Caller, Stopped, running

__all__ = ["Caller", "Stopped", "running", "until"]


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds, at most so long. Whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
