"""Takes open files, pipes and sockets from the supervisor and from whatever else is in sight."""

import os
from typing import Any


def attack(world: Any) -> list[str]:
    """Through /proc/PID/fd, and through pidfd_getfd."""
    found = []
    for pid in world.others():
        for number in range(32):
            for mode in (os.O_RDONLY, os.O_WRONLY):
                try:
                    os.close(os.open(f"/proc/{pid}/fd/{number}", mode | os.O_NONBLOCK))
                    found.append(f"descriptor {number} of process {pid} can be opened")
                except OSError:
                    continue
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        taken = [number for number in range(32) if world.error("pidfd_getfd", handle, number, 0) == 0]
        found += [f"descriptors {taken} of process {pid} can be taken"] if taken else []
        os.close(handle)
    return found
