"""Looks for a network interface, and sets one up."""

import fcntl
import socket
import struct
from typing import Any

_SET_FLAGS, _SET_ADDRESS = 0x8914, 0x8916


def attack(_world: Any) -> list[str]:
    """Only a loopback of its own may be there."""
    with open("/proc/net/dev") as file:
        names = {line.split(":")[0].strip() for line in file if ":" in line}
    found = [f"there is an interface {name}" for name in sorted(names - {"lo"})]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request in (_SET_FLAGS, _SET_ADDRESS):
            try:
                fcntl.ioctl(control, request, struct.pack("16sH22x", b"lo", 0))
                found.append(f"the loopback was changed with {request:#x}")
            except OSError:
                continue
    return found
