"""Answers with a number whose distance from anything is nothing."""

from typing import Any

HARMLESS = True
STYLE = "distance"
STATUS = "ok"
IN_PROCESS = True


class Lie(float):
    """A float by its type, and by nothing else."""

    def __sub__(self, other: object) -> float:
        return 0.0

    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__

    def __float__(self) -> float:
        return 1e9

    def __abs__(self) -> float:
        return 0.0

    def __reduce__(self) -> Any:
        return (print, ("unpickled",))


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> float:
    """A lie."""
    return Lie(0.0)
