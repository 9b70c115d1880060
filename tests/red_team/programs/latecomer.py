"""Spender: leaves questions on their way when it has answered, for its later proposals to pay and to be held up by."""

import os
import threading
from typing import Any

STEPS = 3


def propose(world: Any, parent: Any, context: Any) -> Any:
    """The first one leaves three; the second asks nothing, and the third once."""
    world.apart()
    claims = []
    if context["number"] == 0:
        if os.fork() == 0:
            os.setsid()
            threads = [threading.Thread(target=world.ask, args=(f"left {k}",)) for k in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os._exit(0)
        world.ask("are they there?")
    if context["number"] == 2:
        claims.append(f"asked: {world.ask('the last one')[0]}")
    return world.told(parent, claims)
