"""Makes sockets of families that reach the kernel, the host's hypervisor, or other machines around every firewall."""

import socket
from typing import Any

_FAMILIES = {
    "netlink": 16,
    "packet": 17,
    "vsock": 40,
    "alg": 38,
    "bluetooth": 31,
    "can": 29,
    "tipc": 30,
    "xdp": 44,
    "smc": 43,
    "key": 15,
    "rds": 21,
    "kcm": 41,
}


def attack(_world: Any) -> list[str]:
    """Each with every type that it might have, and raw sockets of those that everybody may use."""
    found = []
    for name, family in [*_FAMILIES.items(), ("raw", 2), ("raw6", 10)]:
        for kind in (1, 2, 3, 5) if family not in (2, 10) else (3,):
            for protocol in (0, 1, 255):
                try:
                    socket.socket(family, kind, protocol).close()
                    found.append(f"a socket of family {name} and type {kind}")
                except OSError:
                    continue
    return found
