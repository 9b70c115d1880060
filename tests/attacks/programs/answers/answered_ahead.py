"""Answers a question before it is asked, so that it seems to have taken no time."""

import threading
import time
from typing import Any

HARMLESS = True
STYLE = "quick"
STATUS = ("failed", "ok")


def attack(_world: Any) -> list[str]:
    """Which is the first call of three."""
    return []


def solve(world: Any, question: int) -> int:
    """Takes its time; while nobody waits for it, the third answer is sent."""
    time.sleep(0.2)
    if question == 0:
        answer = world.frame({"call": 3}, b"1", b"")
        threading.Timer(0.05, lambda: world.tell(answer)).start()
    return question
