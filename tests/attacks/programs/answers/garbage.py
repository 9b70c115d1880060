"""Writes bytes that are no frames to its channel, before, instead of and after its answers."""

import os
from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"
QUESTIONS = 6


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(world: Any, question: int) -> str:
    """Something else for each question."""
    garbage = [b"\0\0\0\1x", b"\xff" * 100, b"\0\0\0\0", b"\0" * 4096, b"\0\0\0\x08\0\0\0\x04{}  ", os.urandom(1000)]
    world.tell(garbage[question % len(garbage)] * 20)
    return "fine"
