"""Asks for another personality, under which addresses are not random and everything readable is executable."""

from typing import Any

_NO_RANDOM, _READ_IMPLIES_EXEC = 0x0040000, 0x0400000


def attack(world: Any) -> list[str]:
    """Protections of the process itself, which exploits need to be gone."""
    return [
        f"personality {value:#x}"
        for value in (_NO_RANDOM, _READ_IMPLIES_EXEC, _NO_RANDOM | _READ_IMPLIES_EXEC, 8)
        if world.error("personality", value) == 0
    ]
