"""Attacker: opens sockets to this machine, to others, and to services that machines of a cloud have."""

import contextlib
import socket
from typing import Any

HARMLESS = True
STEPS = 1


def propose(world: Any, parent: Any, context: Any) -> Any:
    """By TCP, by UDP, and by sockets with a name or a path."""
    claims = []
    for host, port in world.ORDER["addresses"]:
        with contextlib.suppress(OSError):
            socket.create_connection((host, port), timeout=0.5).close()
            claims.append(f"reached {host}")
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"hello", (host, port))
    for where in ("\0" + world.ORDER["socket"], world.ORDER["place"] + "/socket"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as local:
            local.connect(where)
            claims.append("reached a Unix socket")
    return world.told(parent, claims)
