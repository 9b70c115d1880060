"""Opens files without end, and hides open ones on their way through a socket."""

import array
import os
import socket
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """At most eight times the limit."""
    limit, count = world.limits["open_files"], 0
    held: list[int] = []
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    try:
        while count < 8 * limit:
            file = os.open(os.devnull, os.O_RDONLY)
            near.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))])
            os.close(file)
            count += 1
    except OSError:
        pass
    try:
        while len(held) < 8 * limit:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for number in held:
        os.close(number)
    far.close()
    return (
        [f"{count} files on their way and {len(held)} open"]
        if len(held) > limit or (world.apart and count > 4 * limit)
        else []
    )
