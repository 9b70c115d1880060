"""Leaves devices, pipes and sockets in its folder, some of which block whoever opens them."""

import os
import socket
import stat
from typing import Any

STATUS = "ok"


def attack(_world: Any) -> list[str]:
    """Devices are for root alone to make; one that could be made would be a disk."""
    found = []
    for name, kind, number in (
        ("memory", stat.S_IFCHR, (1, 1)),
        ("disk", stat.S_IFBLK, (8, 0)),
        ("null", stat.S_IFCHR, (1, 3)),
    ):
        try:
            os.mknod(name, kind | 0o666, os.makedev(*number))
            os.close(os.open(name, os.O_RDONLY))
            found.append(f"a device {name}")
        except OSError:
            continue
    os.mkfifo("program.pyc")
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    return found
