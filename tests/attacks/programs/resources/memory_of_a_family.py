"""Takes twice the memory that it may have, in six processes of which each stays below the limit."""

import os
import time
from typing import Any


def attack(world: Any) -> list[str]:
    """All of them hold it at the same time."""
    share = world.limits["memory_bytes"] // 3
    children = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            held = bytearray(share)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(1.5)
            os._exit(0)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    return [f"six processes held {share} bytes each"] if not any(ended) else []
