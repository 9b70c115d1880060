"""Answers with a numpy array of objects that lie."""

from typing import Any

HARMLESS = True
STYLE = "array"
STATUS = "failed"
IN_PROCESS = True


class Near:
    """Near to everything."""

    def __sub__(self, other: object) -> float:
        return 0.0

    def __rsub__(self, other: object) -> float:
        return 0.0


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, _question: int) -> Any:
    """Eight of them."""
    import numpy as np  # noqa: PLC0415 - only this attack pays for it

    return np.array([Near() for _ in range(8)], dtype=object)
