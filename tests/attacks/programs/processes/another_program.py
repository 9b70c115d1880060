"""Becomes another program in the middle of a call, and keeps the channel open."""

import os
from typing import Any

HARMLESS = True
STATUS = "timeout"
SECONDS = 0.5


def attack(world: Any) -> list[str]:
    """One that knows nothing of frames."""
    for channel in world.channels():
        os.set_inheritable(channel, True)
    world.stay()
    return []
