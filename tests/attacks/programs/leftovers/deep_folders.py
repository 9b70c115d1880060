"""Leaves 2,000 folders inside of each other, deeper than any path can name or any recursion can go."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(_world: Any) -> list[str]:
    """And a file at the bottom."""
    for _ in range(2000):
        os.mkdir("d" * 50)
        os.chdir("d" * 50)
    with open("file", "w") as file:
        file.write("x")
    return []
