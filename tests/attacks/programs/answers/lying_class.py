"""Answers with an object that says its class is float, and is none."""

from typing import Any

HARMLESS = True
STYLE = "distance"
STATUS = "failed"
IN_PROCESS = True


class Pretender:
    """isinstance(it, float) holds."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return float

    def __sub__(self, other: object) -> float:
        return 0.0

    def __float__(self) -> float:
        return 0.0

    def __index__(self) -> int:
        return 0


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> Any:
    """A pretender."""
    return Pretender()
