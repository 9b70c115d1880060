"""Sends an answer byte by byte, so that something comes all the time and the answer never does."""

import time
from typing import Any

HARMLESS = True
STATUS = "timeout"
SECONDS = 0.7


def attack(world: Any) -> list[str]:
    """A long one."""
    answer = world.frame({"call": 1}, b'"' + b"x" * 2**20 + b'"', b"")
    for number in range(len(answer)):
        world.tell(answer[number : number + 1])
        time.sleep(0.001)
    return []
