"""Answers True where its answer is its score."""

from typing import Any

HARMLESS = True
STYLE = "trusting"
STATUS = "invalid"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> bool:
    """Which is 1 to whoever does not look."""
    return True
