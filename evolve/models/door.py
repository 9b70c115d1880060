"""A socket that outlives the gateways behind it: one answers there after another."""

from __future__ import annotations

import contextlib
import secrets
import socket
from pathlib import Path

from evolve.errors import SandboxFault

__all__ = ["Door"]

_WAITING = 64  # that have connected and are not served yet


class Door:
    """A Unix socket at `path`, in a folder, which listens until it is closed.

    The folder is the engine's alone, such as `sandboxes.harness.home()`. Raises `SandboxFault` when there can be none.
    """

    def __init__(self, folder: Path) -> None:
        self.path = path = folder / f"{secrets.token_hex(6)}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._listener.bind(str(path))
            path.chmod(0o666)  # whatever user the sandbox gives a program; who sees it at all is the sandbox's to say
            self._listener.listen(_WAITING)  # beyond that, who has a timeout is refused by the kernel
            self._listener.setblocking(False)
        except OSError as error:
            self.close()
            raise SandboxFault(f"there can be no socket at {path}: {error}; a shorter TMPDIR may help") from error

    @property
    def deaf(self) -> bool:
        """Whether nobody is heard here any more."""
        return self._listener.fileno() < 0

    def enter(self) -> socket.socket:
        """A descriptor to serve at. Who has come before is turned away, however much was said already: it was not meant
        for whoever serves from now on. Raises `SandboxFault`."""
        try:
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._listener.accept()[0].close()
            return self._listener.dup()
        except OSError as error:
            raise SandboxFault(f"nobody can be heard at {self.path}: {error}") from error

    def deafen(self) -> None:
        """Who comes is refused from now on, once nobody serves here any more."""
        self._listener.close()

    def close(self) -> None:
        """The same, and there is nothing at `path`. May be called twice."""
        self.deafen()
        with contextlib.suppress(OSError):
            self.path.unlink()
