"""Handles its own page faults (userfaultfd), with which the kernel can be stopped in the middle of anything."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """By the system call and by the device."""
    found: list[str] = world.reached("userfaultfd", 0) + world.reached("userfaultfd", 1)
    try:
        os.close(os.open("/dev/userfaultfd", os.O_RDWR))
        found.append("/dev/userfaultfd can be opened")
    except OSError:
        pass
    return found
