"""A sandbox that promises what it does not keep, to be found out."""

from __future__ import annotations

from pathlib import Path

from evolve.sandboxes.guarantees import Guarantee
from evolve.sandboxes.process import ProcessSandbox
from evolve.types import Limits, Role, Session

__all__ = ["BoastfulSandbox"]


class BoastfulSandbox:
    """An ordinary process that says that it isolates. Nothing that does harm may be tried in it.

    `missing` is what it admits; `opened` counts its sessions.
    """

    name = "boastful"
    weaknesses: tuple[str, ...] = ()

    def __init__(self, missing: frozenset[Guarantee] = frozenset({Guarantee.ORPHANS})) -> None:
        self.missing = missing
        self.opened = 0
        self._plain = ProcessSandbox()

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """A session of the process sandbox."""
        self.opened += 1
        return self._plain.open(role, limits, gateway=gateway)

    def close(self) -> None:
        """Close what sessions are left."""
        self._plain.close()
