"""Leaves files and folders that their own user may neither read, enter nor remove."""

import array
import fcntl
import os
from typing import Any

_SET_FLAGS, _IMMUTABLE_AND_APPEND = 0x40086602, 0x30

STATUS = "ok"


def attack(world: Any) -> list[str]:
    """By their modes, by attributes where the file system has them, and as folders of another user."""
    found = []
    os.makedirs("outer/inner/innermost")
    for name in ("outer/inner/file", "file"):
        with open(name, "w") as file:
            try:
                fcntl.ioctl(file, _SET_FLAGS, array.array("l", [_IMMUTABLE_AND_APPEND]))
                found.append(f"{name} is immutable")
            except OSError:
                continue
    for name in ("outer/inner/innermost", "outer/inner", "outer"):
        os.chmod(name, 0)
    os.mkdir("sticky", 0o1000)
    found += [] if world.error("chown", b".", 0, 0) else ["the folder is another user's"]
    os.chmod(".", 0)
    return found
