"""Has signal handlers run while the harness writes its answer: each sends an answer of its own into the middle."""

import signal
import time
from typing import Any

HARMLESS = True
STYLE = "survey"


def attack(world: Any) -> list[str]:
    """A timer that goes off 10,000 times a second."""
    signal.signal(signal.SIGALRM, lambda *_: world.tell(b"\0"))
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    time.sleep(0.01)
    return []


def solve(_world: Any, _question: int) -> str:
    """An answer that is long enough to be interrupted."""
    return "fine" * 25_000
