"""Leaves work for the end of its process: exit handlers, finalizers, threads and objects that are deleted."""

import atexit
import os
import sys
import threading
import time
import weakref
from typing import Any

HARMLESS = True
STATUS = "ok"
KEPT: list[Any] = []


class Undead:
    """Goes on after its end."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def __del__(self) -> None:
        _go_on(self.world)


def attack(world: Any) -> list[str]:
    """All of it writes results and starts processes that stay."""
    KEPT.append(Undead(world))
    atexit.register(_go_on, world)
    weakref.finalize(KEPT[0], _go_on, world)
    threading.Thread(target=time.sleep, args=(60,)).start()
    sys.excepthook = lambda *_: _go_on(world)
    return []


def _go_on(world: Any) -> None:
    world.tell(world.frame({"call": 2}, b"1e9", b""))
    if os.fork() == 0:
        world.stay()
    while True:
        time.sleep(1)
