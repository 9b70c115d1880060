"""Turns its clocks, so that it seems to have taken no time."""

import time
from typing import Any

HARMLESS = True
STYLE = "quick"
STATUS = "ok"
IN_PROCESS = True

_sleep = time.sleep


def attack(_world: Any) -> list[str]:
    """Every clock that Python has."""
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, lambda: 0.0)
        setattr(time, f"{name}_ns", lambda: 0)
    time.sleep = lambda _: None
    return []


def solve(_world: Any, question: int) -> int:
    """Takes as long as it does."""
    _sleep(0.2)
    return question
