"""Starts processes without end; here 200 at most."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """They stay for three seconds, to be counted."""
    for count in range(200):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            world.stay(3)
        if count == world.limits["processes"] + 16:
            world.claim(f"{count} processes run at once")
    return []
