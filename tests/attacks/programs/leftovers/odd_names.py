"""Leaves files with names that are no text, that look like options or commands, or that are as long as can be."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"


def attack(_world: Any) -> list[str]:
    """Every byte that a name may hold is in one of them."""
    names = [bytes([number]) for number in range(1, 256) if number not in b"/."]
    names += [b"-rf", b"--", b"$(id)", b"`id`", b"a\nb", b"\xff\xfe", b"x" * 255, "\u202etxt".encode(), b"con", b" "]
    for name in set(names):
        with open(name, "wb") as file:
            file.write(name)
        os.mkdir(b"_" + name[:254])
    return []
