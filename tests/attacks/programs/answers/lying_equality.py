"""Answers with something that says it is equal to everything."""

from typing import Any

HARMLESS = True
STYLE = "equal"
STATUS = "ok"
IN_PROCESS = True


class Equal(float):
    """Equal to whatever one asks it about."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> float:
    """Something equal."""
    return Equal(0.5)
