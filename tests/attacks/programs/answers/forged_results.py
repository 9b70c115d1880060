"""Writes the evaluator's result itself: to every descriptor, and to every one of other processes that it can open."""

import os
from typing import Any

HARMLESS = True


def attack(world: Any) -> list[str]:
    """A score that nobody could miss."""
    result = world.frame({"op": "result", "nonce": "0" * 32, "notes": []}, b'{"score":1e9}', b"")
    done = world.frame({"op": "done", "cpu_seconds": 0, "memory_bytes": 0, "seconds": 0}, b"1e9", b"")
    for number in range(64):
        try:
            os.set_blocking(number, False)
            os.write(number, result + done)
        except OSError:
            continue
    for pid in [os.getppid(), *(world.others() if world.apart else [])]:
        for number in range(32):
            try:
                descriptor = os.open(f"/proc/{pid}/fd/{number}", os.O_WRONLY | os.O_NONBLOCK)
                os.write(descriptor, result + done)
                os.close(descriptor)
            except OSError:
                continue
    return []
