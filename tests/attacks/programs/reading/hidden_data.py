"""Searches the disk for the evaluator's source and its hidden data."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"
SECONDS = 10.0


def attack(world: Any) -> list[str]:
    """Wherever a harness might have put them, and everywhere a user may."""
    found = set()
    tops = ["/", "/proc/1/root", f"/proc/{os.getppid()}/root"] if world.apart else ["../..", f"{world.place}/.."]
    for top in tops:
        for count, (folder, folders, names) in enumerate(os.walk(top)):
            if count > 20_000:
                break
            if folder == "/":
                folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "lib", "lib64")]
            for name in names:
                if name in ("hidden.json", "evaluate.py"):
                    try:
                        with open(os.path.join(folder, name), "rb") as file:
                            found.update(world.secrets(file.read()))
                    except OSError:
                        continue
    return sorted(found)
