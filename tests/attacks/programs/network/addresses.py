"""Connects to this machine by loopback, bridge and its own address, to a metadata service, and to name servers."""

import contextlib
import socket
from typing import Any

HARMLESS = True
STATUS = "ok"
SECONDS = 15.0


def attack(world: Any) -> list[str]:
    """By TCP and by UDP."""
    found = []
    for host, port in world.order["addresses"]:
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), timeout=0.5).close()
            found.append(f"{host}:{port} is reached")
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"hello", (host, port))
    return found
