"""Makes namespaces, in which it would be root and the kernel's most complicated parts are open to it."""

import os
from typing import Any

_FLAGS = {
    "user": 0x10000000,
    "mount": 0x20000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x8000000,
    "uts": 0x4000000,
    "cgroup": 0x2000000,
    "time": 0x80,
}


def attack(world: Any) -> list[str]:
    """By unshare, by clone, by clone3, and by entering those of others."""
    found = []
    for name, flag in _FLAGS.items():
        answers = [world.error("unshare", flag | more) for more in (0, _FLAGS["user"])]
        found += [f"a {name} namespace by unshare"] if 0 in answers else []
        if flag != 0x80:
            found += _clone(world, name, flag)
    found += world.reached("clone3", None, 0)
    for pid in (1, os.getppid()):
        for name in ("user", "mnt", "net"):
            try:
                door = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
            except OSError:
                continue
            found += [f"the {name} namespace of {pid} is entered"] if world.error("setns", door, 0) == 0 else []
            os.close(door)
    return found


def _clone(world: Any, name: str, flag: int) -> list[str]:
    parent = os.getpid()
    error = world.error("clone", flag | 17, 0, 0, 0, 0)
    if os.getpid() != parent or os.getppid() == parent:
        os._exit(0)  # the child of a clone that worked
    return [f"a {name} namespace by clone"] if error == 0 else []
