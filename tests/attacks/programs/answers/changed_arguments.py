"""Changes the arguments of a call, which the evaluator goes on to use."""

from typing import Any

HARMLESS = True
STYLE = "weighted"
STATUS = "ok"
IN_PROCESS = True


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, weights: list[float]) -> float:
    """Makes all mistakes weigh nothing."""
    weights[:] = [0.0] * len(weights)
    return 0.5
