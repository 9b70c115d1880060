"""The limits on what runs: time, processor time, memory and processes, looked at while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tree import Tree

_FIRST, _NEXT = 0.02, 0.05  # seconds until the first look, and between the next


class Stopped(Exception):
    """What ran passed a limit, died or broke the protocol, which is `garbage`. `kind` is the word for it that the
    evaluator sees."""

    def __init__(self, kind: str, error: str, *, garbage: bool = False) -> None:
        super().__init__(error)
        self.kind, self.garbage = kind, garbage


class Watch:
    """Watches the tree from now on, for `timeout` seconds by the clock and `cpu` seconds of processor time in all.
    `told` says whose limit `timeout` is."""

    def __init__(
        self, tree: Tree, limits: Mapping[str, int], timeout: float, cpu: float | None, told: str = ""
    ) -> None:
        self._tree, self._limits, self._told = tree, limits, told
        self._timeout, self._cpu = timeout, cpu
        self._start = time.monotonic()
        self._cpu_start = self._look()[1] if cpu is not None else 0.0
        self._next = self._start + _FIRST

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._start

    def until(self) -> float:
        """When to ask again, by the monotonic clock. Raises `Stopped` when a limit is passed."""
        now = time.monotonic()
        deadline = self._start + self._timeout
        if now >= deadline:
            raise Stopped("timeout", f"stopped after {self._timeout:g} s{self._told}")
        if now >= self._next:
            self._check()
            self._next = now + _NEXT
        return min(deadline, self._next)

    def _look(self) -> tuple[int, float, int]:
        running = self._tree.running()
        return self._tree.look(running), self._tree.cpu(running), len(running)

    def _check(self) -> None:
        memory, cpu, count = self._look()
        if memory > self._limits["memory_bytes"]:
            raise Stopped("memory", f"stopped for using more than {self._limits['memory_bytes'] >> 20} MiB of memory")
        if self._cpu is not None and cpu - self._cpu_start > self._cpu:
            raise Stopped("timeout", f"stopped after {self._cpu:g} s of processor time")
        if count > self._limits["processes"]:
            raise Stopped("failed", f"stopped for running more than {self._limits['processes']} processes at once")
