"""Runs from the kill: each process starts the next one and ends, 200 times."""

import os
import time
from typing import Any

STATUS = "ok"


def attack(world: Any) -> list[str]:
    """Who lists the processes first and kills them then is always too late."""
    if os.fork() == 0:
        os.setsid()
        for _ in range(200):
            if os.fork():
                os._exit(0)
            time.sleep(0.002)
        world.stay()
    return []
