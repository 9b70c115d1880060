"""Moves its own folder away and puts a link in its place, so that what is emptied is another folder."""

import os
from typing import Any

HARMLESS = True


def attack(world: Any) -> list[str]:
    """One of the machine, with files that are to be kept."""
    folder = os.getcwd()
    try:
        os.rename(folder, folder + "-moved")
    except OSError:
        return []
    os.symlink(f"{world.place}/kept", folder)
    return []
