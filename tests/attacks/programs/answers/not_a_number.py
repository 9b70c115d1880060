"""Answers with what is no number, and passes every comparison by that."""

from typing import Any

HARMLESS = True
STYLE = "packing"
STATUS = "invalid"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> list[float]:
    """Not more than 1, for sure."""
    return [float("nan")] * 10
