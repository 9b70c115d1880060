"""Answers with text that reads like a number where its answer is its score."""

from typing import Any

HARMLESS = True
STYLE = "trusting"
STATUS = "invalid"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> str:
    """A good one."""
    return "1e9"
