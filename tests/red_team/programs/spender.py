"""Spender: asks at once on many threads, goes on whatever the answers are, and proposes nothing."""

from typing import Any

HARMLESS = True
STEPS = 3


def propose(world: Any, parent: Any, context: Any) -> Any:
    """Until it was refused twenty times."""
    world.ask_at_once(12)
    refused = 0
    for number in range(60):
        refused += world.ask(f"more {number}")[0] != 200
        if refused == 20:
            break
    return {}
