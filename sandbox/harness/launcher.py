"""Starts candidates' processes, through a zygote that has imported what they need."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from candidate import WORTH_IMPORTING
from tree import Tree
from zygote import FLAGS

_HERE = os.path.dirname(os.path.abspath(__file__))


class Launcher:
    """`spawn(argv, control)` starts the zygote with that descriptor as its third. `settings` are what it is told."""

    def __init__(self, tree: Tree, spawn: Callable[[list[str], int], int], settings: dict[str, Any]) -> None:
        self._tree, self._spawn, self._settings = tree, spawn, settings
        self._modules: set[str] = set()
        self._wanted: set[str] = set()
        self._control: socket.socket | None = None

    def launch(self, channel: int, output: int) -> None:
        """Have a process started that answers on `channel`, where it says when it is ready, and prints to `output`."""
        for last in (False, True):
            self._tree.wake_helper()
            try:
                socket.send_fds(self._control or self._start(), [b"\0"], [channel, output])
            except OSError:  # the zygote is gone
                self._stop()
                if last:
                    raise
            else:
                return

    def prepare(self) -> None:
        """Start the zygote, or another when the last one lacks what programs import. Does not wait for it.

        Nothing else may run, for what does is killed with the old one.
        """
        if self._control is not None and not self._wanted <= self._modules:
            self._stop()
        if self._control is None:
            self._start()

    def learn(self, used: object) -> None:
        """What a candidate says that it has imported. Believed, because being wrong costs nothing but time."""
        if isinstance(used, list):
            self._wanted.update(name for name in WORTH_IMPORTING if name in used)

    def _start(self) -> socket.socket:
        self._modules |= self._wanted
        settings = {**self._settings, "supervisor": os.getpid(), "modules": sorted(self._modules)}
        control, theirs = socket.socketpair()
        with theirs:
            argv = [sys.executable, *FLAGS, os.path.join(_HERE, "zygote.py"), json.dumps(settings)]
            self._tree.helper = self._spawn(argv, theirs.fileno())
        self._control = control
        return control

    def _stop(self) -> None:
        self._tree.helper = None
        if self._control is not None:
            self._control.close()
            self._control = None
        self._tree.kill()
