"""Answers many questions asked at once with more answers than were asked for."""

from typing import Any

HARMLESS = True
STYLE = "map"
STATUS = "failed"


def attack(world: Any) -> list[str]:
    """By replacing what makes its answers into data."""
    harness = world.harness()
    honest = harness.pack
    harness.pack = lambda value: honest(value * 1000 if value and isinstance(value[0], float) else value)
    return []


def solve(_world: Any, _question: int) -> float:
    """One answer."""
    return 0.5
