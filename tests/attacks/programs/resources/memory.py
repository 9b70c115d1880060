"""Takes twice the memory that it may have, at once."""

from typing import Any

HARMLESS = True
STATUS = "memory"


def attack(world: Any) -> list[str]:
    """Each page of it is touched."""
    held = bytearray(2 * world.limits["memory_bytes"])
    held[::4096] = b"x" * len(held[::4096])
    return [f"{len(held)} bytes are held"]
