"""What the kernel is told to bound a session to: the limits of its candidate, and what the harness takes besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from evolve.types import Limits

__all__ = ["SHARED_BYTES", "Bounds"]

SHARED_BYTES = 16 * 2**20
"""Of /dev/shm, where semaphores live."""

_HARNESS_BYTES = 128 * 2**20
_COPIES = 3  # of a reply that the harness holds while it passes it on
_HARNESS_TASKS = 8


@dataclass(frozen=True)
class Bounds:
    """Of a session as a whole. The harness itself holds the candidate to its limits; these hold when it is too late.

    `processes` is what its user may have (RLIMIT_NPROC), `tasks` what its control group may: more, so that the harness
    can still start something when a candidate has used up its own. Threads count in both.
    """

    memory_bytes: int
    processes: int
    tasks: int

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """For a session with these limits. Files lie in memory, so they count."""
        files = limits.disk_bytes + SHARED_BYTES
        harness = _HARNESS_BYTES + _COPIES * limits.reply_bytes
        processes = limits.processes + _HARNESS_TASKS
        return cls(limits.memory_bytes + files + harness, processes, processes + _HARNESS_TASKS)
