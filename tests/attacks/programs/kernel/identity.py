"""Becomes root, or anybody else, or gains a capability."""

import glob
import os
import stat
import struct
from typing import Any

_NO_NEW_PRIVILEGES = 39
_HEADER = struct.pack("Ii", 0x20080522, 0)


def attack(world: Any) -> list[str]:
    """By asking for it, and by programs whose owner's rights are lent to who runs them."""
    found = []
    mine = os.getuid()
    for name, identity in {
        "setuid": (0,),
        "setgid": (0,),
        "setresuid": (0, 0, 0),
        "setresgid": (0, 0, 0),
        "setreuid": (0, 0),
        "setgroups": (1, struct.pack("I", 0)),
        "capset": (_HEADER, struct.pack("IIIIII", *[0xFFFFFFFF] * 6)),
    }.items():
        found += [f"{name} works"] if world.error(name, *identity) == 0 else []
    found += [f"user {os.getuid()} instead of {mine}"] if os.getuid() != mine else []
    found += [] if world.libc.prctl(_NO_NEW_PRIVILEGES, 0, 0, 0, 0) == 1 else ["it may gain privileges by execve"]
    with open("/proc/self/status") as file:
        found += [line.strip() for line in file if line.startswith("Cap") and int(line.split()[1], 16)]
    for path in glob.glob("/usr/*bin/*"):
        if os.stat(path, follow_symlinks=False).st_mode & (stat.S_ISUID | stat.S_ISGID) and not _no_suid(path):
            found.append(f"{path} lends its owner's rights")
    return found


def _no_suid(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_NOSUID)
