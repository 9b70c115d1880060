"""Starts threads without end; here 200 at most."""

import threading
import time
from typing import Any


def attack(world: Any) -> list[str]:
    """They sleep, to be counted."""
    for count in range(200):
        try:
            threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        except RuntimeError:
            break
        if count == world.limits["processes"] + 16:
            world.claim(f"{count} threads run at once")
    return []
