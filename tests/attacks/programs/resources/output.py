"""Prints 64 MB on both streams, and goes on printing from a thread."""

import os
import threading
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(_world: Any) -> list[str]:
    """Whoever keeps it needs as much memory, and who does not read it lets the program hang."""
    for _ in range(32):
        os.write(1, b"x" * 2**20)
        os.write(2, b"\0" * 2**20)
    threading.Thread(target=_go_on, daemon=True).start()
    return []


def _go_on() -> None:
    while True:
        os.write(1, b"y" * 2**16)
