"""Attacker: leaves processes behind, in sessions of their own, that would go on when it has answered."""

import os
import time
from typing import Any

STEPS = 2


def propose(world: Any, parent: Any, context: Any) -> Any:
    """Twenty at most, for a minute."""
    world.apart()
    for _ in range(20):
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            os.setsid()
            try:
                if os.fork():
                    os._exit(0)
                os.execv("/bin/sh", ["sh", "-c", f"sleep 60; : {world.ORDER['mark']}"])
            except OSError:
                time.sleep(60)
            os._exit(0)
    return world.told(parent, [])
