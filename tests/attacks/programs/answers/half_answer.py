"""Writes half of an answer and hangs; another process has the other half, and waits for the kill."""

import os
import time
from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"
SECONDS = 3.0


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(world: Any, question: int) -> str:
    """The survey waits for half a second, and then asks the next question."""
    if question:
        time.sleep(0.2)
        return "fine"
    answer = b"".join(world.frame({"call": call}, b'"late"', b"") for call in (2, 3, 1, 2))
    world.tell(answer[:20])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(0.8)
            world.tell(answer[20:])
            world.stay()
        os._exit(0)
    time.sleep(60)
    return "late"
