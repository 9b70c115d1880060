"""Mounts, unmounts and moves the root of its file system, in the old ways and in the new ones."""

from typing import Any

_BIND, _REMOUNT, _DETACH = 4096, 32, 2


def attack(world: Any) -> list[str]:
    """Were one of them allowed, nothing that is read-only or hidden would stay so."""
    found = []
    calls: dict[str, tuple[Any, ...]] = {
        "mount": (b"tmpfs", b"/tmp", b"tmpfs", 0, None),
        "umount2": (b"/proc", _DETACH),
        "pivot_root": (b"/tmp", b"/tmp"),
        "fsopen": (b"tmpfs", 0),
        "open_tree": (-100, b"/", 1),
        "move_mount": (-1, b"", -100, b"/tmp", 4),
        "fsconfig": (-1, 0, None, None, 0),
        "fspick": (-100, b"/", 0),
        "mount_setattr": (-100, b"/", 0, None, 0),
        "swapon": (b"/tmp/none", 0),
        "quotactl": (0, None, 0, None),
    }
    for name, arguments in calls.items():
        found += world.reached(name, *arguments)
    if world.error("mount", None, b"/", None, _REMOUNT | _BIND, None) == 0:
        found.append("the root is writable")
    return found
