"""Says that it ended in a way that is not its own to say: by the evaluator's fault, or by its timeout."""

from typing import Any

HARMLESS = True
STATUS = "failed"


def attack(world: Any) -> list[str]:
    """In the head of its answer."""
    harness = world.harness()
    honest = harness.write

    def write(channel: int, frame: Any) -> None:
        honest(channel, harness.Frame({**frame.head, "op": "stopped", "kind": "timeout", "error": "out of time"}))

    harness.write = write
    return []
