"""Makes a file of a terabyte that is nearly all hole, and one of twice what the disk may hold."""

import os
from collections.abc import Callable
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """Whoever copies it, or counts its bytes, would be busy for long."""
    found = []
    makers: dict[str, Callable[[int], Any]] = {
        "sparse": lambda file: os.truncate(file, 2**40),
        "far": lambda file: os.pwrite(file, b"x", 2**40),
        "reserved": lambda file: os.posix_fallocate(file, 0, 2 * world.limits["disk_bytes"]),
    }
    for name, make in makers.items():
        file = os.open(name, os.O_CREAT | os.O_RDWR)
        try:
            make(file)
            found.append(f"{name}: {os.fstat(file).st_size} bytes")
        except OSError:
            continue
        finally:
            os.close(file)
    return found
