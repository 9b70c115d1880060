"""Attaches to other processes as a debugger does."""

from typing import Any

_ATTACH, _SEIZE, _DETACH = 16, 0x4206, 17


def attack(world: Any) -> list[str]:
    """And lets go of them again where it works."""
    found = []
    for pid in world.others():
        for request in (_ATTACH, _SEIZE):
            if world.error("ptrace", request, pid, 0, 0) == 0:
                found.append(f"process {pid} is traced")
                world.error("ptrace", _DETACH, pid, 0, 0)
        found += [f"kcmp of {pid}"] if world.error("kcmp", pid, pid, 0, 0, 0) == 0 else []
    return found
