"""Sends every process in sight every signal but those that kill or stop for certain."""

import os
import signal
from typing import Any


def attack(world: Any) -> list[str]:
    """Harnesses have handlers, which may be made to run."""
    for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP}):
        for pid in (-1, *world.others()):
            try:
                os.kill(pid, number)
            except OSError:
                continue
    return []
