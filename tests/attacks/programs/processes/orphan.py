"""Leaves a daemon behind that wakes later and writes where the next candidate lives."""

import os
import time
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """Its parent is gone; its session, its group and its descriptors are its own."""
    folder, reader_writer = os.getcwd(), os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, reader_writer[1])
            os.chdir("/")
            os.write(reader_writer[1], b"x")
            if os.fork() == 0:
                world.stay()
            for _ in range(200):
                time.sleep(0.005)
                try:
                    with open(os.path.join(folder, "from-the-past"), "w") as file:
                        file.write("x")
                except OSError:
                    continue
            world.stay()
        os._exit(0)
    os.wait()
    os.read(reader_writer[0], 1)
    return []
