"""Starts candidates' processes, through a zygote that has imported what they need."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from collections.abc import Callable
from typing import Any

from candidate import WORTH_IMPORTING
from tree import Tree
from zygote import FLAGS, READY

_HERE = os.path.dirname(os.path.abspath(__file__))
_ANSWER = 5.0  # seconds in which a zygote that has nothing to do answers
_IMPORT = 60.0  # seconds that a fresh zygote may take to import what it is told; nobody can have touched it by then


class Launcher:
    """`spawn(argv, control)` starts the zygote with that descriptor as its third. `settings` are what it is told.

    Where it is not `apart`, candidates can send it signals.
    """

    def __init__(
        self, tree: Tree, spawn: Callable[[list[str], int], int], settings: dict[str, Any], *, apart: bool
    ) -> None:
        self._tree, self._spawn, self._settings, self._apart = tree, spawn, settings, apart
        self._modules: set[str] = set()
        self._wanted: set[str] = set()
        self._control: socket.socket | None = None
        self._ready = False

    @property
    def wanted(self) -> list[str]:
        """The modules that programs have imported, of those that are worth it."""
        return sorted(self._wanted)

    @property
    def alive(self) -> bool:
        """Whether there is a zygote, and nobody has ended or stopped it."""
        if self._control is None or self._tree.helper is None or not self._tree.is_going(self._tree.helper):
            return False
        # a process that was killed a moment ago looks as if nothing had happened, but does not answer
        return self._apart or not self._ready or self._answers(self._control)

    def _answers(self, control: socket.socket) -> bool:
        try:
            control.send(b"?")
            return _says_something(control, _ANSWER) and control.recv(1) == READY
        except OSError:
            return False

    @property
    def ready(self) -> bool:
        """Whether the zygote has imported everything, as far as is known without waiting for it."""
        return self._ready or (self._control is not None and _says_something(self._control, 0))

    def launch(self, channel: int, output: int, user: int) -> None:
        """Have a process started that answers on `channel`, where it says when it is ready, and prints to `output`.

        `user` is who it shall be, 0 when there is but one. Raises `OSError` when the zygote is not there any more.
        """
        control = self._await()
        try:
            socket.send_fds(control, [user.to_bytes(4, "little")], [channel, output])
        except OSError as error:
            raise OSError(f"the zygote takes no more requests: {error}") from error

    def prepare(self) -> None:
        """Start the zygote, or another when the last one is gone or lacks what programs import. Does not wait for it.

        Nothing else may run, for what does is killed with the old one.
        """
        if self._control is not None and not (self.alive and self._wanted <= self._modules):
            self.stop()
        if self._control is None:
            self._start()

    def wait(self) -> None:
        """Wait until the zygote has imported everything. Raises `OSError` when it does not."""
        self._await()

    def learn(self, used: object) -> None:
        """What a candidate says that it has imported. Believed, because being wrong costs nothing but time."""
        if isinstance(used, list):
            self._wanted.update(name for name in WORTH_IMPORTING if name in used)

    def stop(self) -> None:
        """Kill the zygote, and with it whatever runs."""
        self._tree.helper = None
        self._ready = False
        if self._control is not None:
            self._control.close()
            self._control = None
        self._tree.kill()

    def _start(self) -> socket.socket:
        self._modules |= self._wanted
        settings = {**self._settings, "supervisor": os.getpid(), "modules": sorted(self._modules)}
        control, theirs = socket.socketpair()
        with theirs:
            argv = [sys.executable, *FLAGS, os.path.join(_HERE, "zygote.py"), json.dumps(settings)]
            self._tree.helper = self._spawn(argv, theirs.fileno())
        self._control = control
        return control

    def _await(self) -> socket.socket:
        control = self._control or self._start()
        if not self._ready:
            if not _says_something(control, _IMPORT) or not control.recv(1):
                raise OSError("the zygote has ended, or was not ready in time")
            self._ready = True
        return control


def _says_something(control: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(control, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
