"""Kills every process in sight: the supervisor, the zygote, process 1."""

import os
import signal
from typing import Any


def attack(world: Any) -> list[str]:
    """All at once, then each by itself."""
    for pid in (-1, *world.others()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    return []
