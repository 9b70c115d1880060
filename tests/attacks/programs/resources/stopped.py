"""Stops itself, so that it neither runs nor ends."""

import os
import signal
from typing import Any

HARMLESS = True
STATUS = "timeout"
SECONDS = 0.5


def attack(_world: Any) -> list[str]:
    """Nobody but the supervisor is there to wake it."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return []
