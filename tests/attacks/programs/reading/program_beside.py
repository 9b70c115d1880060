"""Looks for another candidate that runs at the same time: its files, memory, sockets and shared memory."""

import contextlib
import os
import socket
import time
from multiprocessing import shared_memory
from typing import Any


def victim(world: Any) -> list[str]:
    """Have a secret, everywhere, for a while."""
    secret = world.order["secret"].encode()
    for folder in (".", "/tmp", "/dev/shm"):
        with open(os.path.join(folder, "meeting"), "wb") as file:
            file.write(secret)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0meeting")
        server.listen()
        server.settimeout(0.05)
        for _ in world.until(2.0):
            with contextlib.suppress(TimeoutError):
                server.accept()[0].sendall(secret)
                return ["somebody came to the meeting"]
    with open("/tmp/meeting", "rb") as file:
        return [] if file.read() == secret else ["the file is another one"]


def attack(world: Any) -> list[str]:
    """Look again and again while it is there."""
    found = set()
    for _ in world.until(1.5):
        for path in ("/tmp/meeting", "/dev/shm/meeting", "meeting"):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                found.update(world.secrets(file.read()))
        with contextlib.suppress(OSError):
            found.add(f"shared memory of {shared_memory.SharedMemory('meeting').size} bytes")
        with socket.socket(socket.AF_UNIX) as knock, contextlib.suppress(OSError):
            knock.connect("\0meeting")
            found.update(world.secrets(knock.recv(100)) or ["it answered"])
        time.sleep(0.05)
    return sorted(found)
