"""Attacker: asks, and says that it has not; takes the answers' accounts apart and sends its own."""

from typing import Any

HARMLESS = True
STEPS = 1
USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0}


def propose(world: Any, parent: Any, context: Any) -> Any:
    """Two questions that count, with accounts that say the opposite."""
    world.ask("one")
    world.ask("one, with an account of its own, which is refused", usage=USAGE)
    world.ask("two", headers={"x-usage": "0", "x-evolve-calls": "0", "x-request-cost": "-1"})
    for where in ("/v1/usage", "/v1/chat/completions/usage", "/v1/lease"):
        world.send("DELETE", where, USAGE)
        world.send("POST", where, USAGE)
    print({"usage": USAGE, "calls": 0})
    return world.told(parent, [])
