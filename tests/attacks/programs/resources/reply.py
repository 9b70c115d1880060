"""Answers with twice as many bytes as an answer may have."""

from typing import Any

HARMLESS = True
STATUS = "output"


def attack(world: Any) -> Any:
    """In an array that is in one piece."""
    return bytes(2 * world.limits["reply_bytes"])
