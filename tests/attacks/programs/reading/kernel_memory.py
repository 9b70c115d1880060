"""Reads what the kernel knows: its memory, its log, its addresses, the keys of users."""

from typing import Any

_READ_ALL = 3


def attack(world: Any) -> list[str]:
    """A little of each."""
    found: list[str] = world.reached("syslog", _READ_ALL, 0, 0)
    for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/kmsg", "/proc/kmsg", "/dev/port", "/proc/sched_debug"):
        try:
            with open(path, "rb", buffering=0) as file:
                found += [f"{path} can be read"] if file.read(64) else []
        except OSError:
            continue
    try:
        with open("/proc/kallsyms") as file:
            found += ["addresses of the kernel"] if int(file.readline().split()[0], 16) else []
    except (OSError, IndexError):
        pass
    return found
