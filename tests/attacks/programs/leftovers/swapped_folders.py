"""Goes on swapping folders for links while its folder is emptied."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """A process of its own does that until it is killed."""
    os.mkdir("swap")
    for number in range(100):
        os.makedirs(f"swap/{number}/inner")
    os.symlink(f"{world.place}/kept", "link")
    if os.fork() == 0:
        os.setsid()
        for turn in world.until(5.0):
            try:
                os.rename(f"swap/{turn % 100}", "elsewhere")
                os.rename("link", f"swap/{turn % 100}")
                os.rename(f"swap/{turn % 100}", "link")
                os.rename("elsewhere", f"swap/{turn % 100}")
            except OSError:
                continue
        os._exit(0)
    return []
