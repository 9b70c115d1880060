"""Loops without end, deaf to every signal that can be ignored."""

import signal
from typing import Any

HARMLESS = True
STATUS = "timeout"
SECONDS = 0.5


def attack(_world: Any) -> list[str]:
    """Only a kill can end it."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass
