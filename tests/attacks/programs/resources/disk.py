"""Fills the disk: every folder that can be written, with twice what all of them together may hold."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """In files of a size that each may have."""
    total, limit = 0, world.limits["disk_bytes"]
    for folder in (os.getcwd(), "/tmp", "/dev/shm", "/dev", "/run", "/var/tmp", "/", "/evolve", "/sys/fs/cgroup"):
        try:
            for number in range(2 * limit >> 20):
                with open(os.path.join(folder, f"fill{number}"), "wb", buffering=0) as file:
                    total += file.write(bytes(2**20))
        except OSError:
            continue
    return [f"{total} bytes are written"] if total > limit + 17 * 2**20 else []
