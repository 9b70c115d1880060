"""What a sandbox can promise, as data: the conformance suite tests it, and `weaknesses` says what is not promised."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from evolve.types import Sandbox

__all__ = ["Guarantee", "missing", "weaknesses"]


class Guarantee(StrEnum):
    """One promise; the value completes "does not protect from"."""

    FILES = "reading and writing the files of this machine that your user can"
    """Nothing of the host can be read but the interpreter and its libraries, and nothing written."""
    NETWORK = "the network: this machine's services, the local network, the internet"
    PROCESSES = "signals to, and a look at, other processes of your user"
    """Processes outside of the session cannot be seen or signalled."""
    SYSTEM_CALLS = "rarely used system calls, where most holes of a kernel are found"
    """System calls that a program has no honest use for are refused."""
    TREE_MEMORY = "several processes that together take more memory than the limit"
    """The limit on memory holds for the whole process tree, tmpfs included, however fast it grows."""
    TREE_COUNT = "a burst of processes before the harness has counted them"
    """The kernel itself refuses more processes."""
    DISK = "filling the disk: each file is limited, their number is not"
    """All files together are limited."""
    ORPHANS = "processes that daemonise and outlive the session when the engine is killed"
    """However the engine ends, nothing of the session is running 10 s later."""
    KERNEL = "holes in the kernel, which it shares with this machine"
    """Programs talk to a kernel of their own."""


def missing(sandbox: Sandbox) -> frozenset[Guarantee]:
    """The guarantees a sandbox does not give. One that does not say (with an attribute `missing`) gives none."""
    said: Iterable[Guarantee] = getattr(sandbox, "missing", Guarantee)
    return frozenset(said)


def weaknesses(lacking: Collection[Guarantee]) -> tuple[str, ...]:
    """One readable sentence for each guarantee that is not given."""
    return tuple(f"It does not protect from {guarantee.value}." for guarantee in Guarantee if guarantee in lacking)
