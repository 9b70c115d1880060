"""Is stopped for its time while other processes of its hold the channel, to answer later questions."""

import os
import threading
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
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            threading.Thread(target=time.sleep, args=(60,)).start()
            time.sleep(0.8)
            world.tell(b"".join(world.frame({"call": call}, b'"late"', b"") for call in (1, 2, 3, 4)))
            world.stay()
    time.sleep(60)
    return "late"
