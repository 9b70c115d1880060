"""Answers with an integer that fits into no float."""

from typing import Any

HARMLESS = True
STYLE = "packing"
STATUS = ("failed", "invalid")


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> list[int]:
    """Negative, so that it is less than any limit."""
    return [-(10**4000)] * 10
