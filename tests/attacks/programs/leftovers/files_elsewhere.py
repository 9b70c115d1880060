"""Leaves files for a later candidate outside of its own folder."""

import os
from typing import Any

_OUTSIDE = "/tmp /dev/shm /dev/mqueue /dev/pts /dev /var/tmp /run /run/lock / /evolve /evolve/harness /etc /home /sys"
_PLACES = (*_OUTSIDE.split(), "..", "../..")


def attack(world: Any) -> list[str]:
    """Wherever it may, beside its own folder too: a file, and a folder with one in it."""
    for place in _PLACES:
        for folder in (place, os.path.join(place, "left")):
            try:
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, "left-file"), "w") as file:
                    file.write(world.order["secret"])
            except OSError:
                continue
    return []


def collect(_world: Any) -> list[str]:
    """See what is still there."""
    paths = [os.path.join(place, name) for place in _PLACES for name in ("left", "left-file")]
    return [path for path in paths if os.path.exists(path)]
