"""Loops for ten times as long as it may, deaf to every signal that can be ignored."""

import signal
from typing import Any

HARMLESS = True
STATUS = "timeout"
SECONDS = 0.5


def attack(world: Any) -> list[str]:
    """Only a kill can end it."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for _ in world.until(5.0):
        pass
    return []
