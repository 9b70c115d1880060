"""Connects to servers of this machine that listen on Unix sockets: by abstract names and by paths."""

import contextlib
import socket
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """The Docker engine's among them, whose users are as good as root."""
    paths = [f"{world.place}/socket", "/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket"]
    found = []
    for name in ["\0" + world.order["socket"], *(paths if world.apart else paths[:1])]:
        with socket.socket(socket.AF_UNIX) as knock, contextlib.suppress(OSError):
            knock.connect(name)
            found.append(f"{name!r} is reached")
    return found
