"""Asks for the address of a name, which may carry what was learned out of the sandbox."""

import socket
from typing import Any

STATUS = "ok"
SECONDS = 15.0


def attack(_world: Any) -> list[str]:
    """Names that are nobody's, and one that is always known."""
    found = []
    for name in ("secret.example.invalid", "example.com"):
        try:
            found.append(str(socket.getaddrinfo(name, 80)))
        except OSError:
            continue
    return found
