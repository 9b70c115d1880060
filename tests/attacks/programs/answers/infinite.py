"""Answers with infinity."""

from typing import Any

HARMLESS = True
STYLE = "distance"
STATUS = "invalid"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, question: int) -> float:
    """Of either sign."""
    return float("inf") if question % 2 else float("-inf")
