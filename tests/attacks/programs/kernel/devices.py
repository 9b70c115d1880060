"""Opens every device that is there."""

import os
import stat
from typing import Any

_EXPECTED = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin", "stdout", "stderr"}


def attack(_world: Any) -> list[str]:
    """But those that every program may expect."""
    found = []
    for folder, _, names in os.walk("/dev"):
        for name in names:
            path = os.path.join(folder, name)
            try:
                mode = os.stat(path).st_mode
                if name in _EXPECTED or not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
                    continue
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                found.append(f"{path} can be opened")
            except OSError:
                continue
    return found
