"""Ends its process in the middle of a call as if all were well, with an answer that was half sent."""

import os
from typing import Any

HARMLESS = True
STATUS = "failed"


def attack(world: Any) -> list[str]:
    """Exit code 0."""
    world.tell(world.frame({"call": 1}, b"[]", b"")[:-1])
    os._exit(0)
