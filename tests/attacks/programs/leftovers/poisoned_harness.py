"""Changes the harness, the interpreter and the libraries, so that they serve the next candidate something else."""

import os
import sys
import sysconfig
from typing import Any


def attack(_world: Any) -> list[str]:
    """Files, their compiled forms, and places where an interpreter looks for more of them."""
    found = []
    harness = [argument for argument in _command_lines() if argument.endswith(".py")]
    library = sysconfig.get_path("stdlib")
    packages = sysconfig.get_path("purelib")
    files = [*harness, "/evolve/harness/frames.py", "/evolve/harness/candidate.py", os.__file__, sys.executable]
    files += [f"{library}/json/__init__.py", "/etc/ld.so.preload", "/etc/ld.so.cache", "/lib64/ld-linux-x86-64.so.2"]
    for name in files:
        try:
            os.close(os.open(name, os.O_WRONLY))
            found.append(f"{name} can be written")
        except OSError:
            continue
    for folder in (
        packages,
        library,
        os.path.dirname(harness[0]) if harness else "/evolve/harness",
        f"{library}/json/__pycache__",
    ):
        try:
            os.close(os.open(os.path.join(folder, "left.pth"), os.O_WRONLY | os.O_CREAT))
            found.append(f"a file can be put into {folder}")
        except OSError:
            continue
    return found


def _command_lines() -> list[str]:
    words = []
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                words += file.read().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
    return [word for word in words if word.startswith("/")]
