"""Stops every process in sight, so that nobody is there to see the time go by."""

import os
import signal
from typing import Any


def attack(world: Any) -> list[str]:
    """All at once, then each by itself, and as a terminal would."""
    for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        for pid in (-1, *world.others()):
            try:
                os.kill(pid, number)
            except OSError:
                continue
    return []
