"""The user's cache folder: what was found out once on this machine, and locks that processes share."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["folder", "held"]


def folder() -> Path | None:
    """`evolve` below `XDG_CACHE_HOME` or `~/.cache`, made if it is missing and ours alone; None where it cannot be."""
    try:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evolve"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours = place.stat().st_uid == os.getuid() and not place.stat().st_mode & 0o022
    except (OSError, RuntimeError):  # no home at all
        return None
    return place if ours and os.access(place, os.W_OK) else None


@contextlib.contextmanager
def held(name: str) -> Iterator[None]:
    """A lock that one process of this user has at a time. Without a cache folder, none."""
    place = folder()
    if place is None:
        yield
        return
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
