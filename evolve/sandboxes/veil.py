"""A view of host folders whose files are not the host's own: the same content, but inodes that nobody shares.

Two processes that can read one file can signal each other by locking or watching it, whatever else keeps them apart.
So each session gets an overlay of its own over what it sees of the host, in a mount namespace that ends with it, and
device nodes of its own. That takes root.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["DEVICES", "Veil"]

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
"""Character devices of the kernel's: name -> (major, minor), the same on every Linux (Documentation/admin-guide)."""

# an overlay without an upper folder is read-only, and has to have two lower ones
_OVERLAYS = """
while [ "$1" != -- ]; do
    mount -t overlay overlay -o "ro,lowerdir=$1:/dev/empty" "$1"
    shift
done
shift
"""
_NODES = "".join(f"mknod -m 666 /dev/{name} c {major} {minor}\n" for name, (major, minor) in DEVICES.items())
_SCRIPT = f'set -e\nmount -t tmpfs -o mode=755,size=64k tmpfs /dev\nmkdir /dev/empty\n{_NODES}{_OVERLAYS}exec "$@"'
_ODD = re.compile(r"[:,\\\s\"']")  # what means something in the options of a mount


class Veil:
    """Over `folders`, for the commands that `over` gives. Whether it `works` here is tried once."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [str(folder) for folder in folders]
        self._unshare = shutil.which("unshare")
        self.works = self._tried()

    def over(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` where the folders are veiled."""
        assert self._unshare is not None
        where = [self._unshare, "--mount", "--propagation", "private", "--", "/bin/sh", "-c", _SCRIPT, "sh"]
        return [*where, *self._folders, "--", *argv]

    def _tried(self) -> bool:
        # what is mounted below a folder would not be seen in its overlay
        mounted = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        broken = any(mount.startswith(f"{folder}/") for mount in mounted for folder in self._folders)
        if self._unshare is None or broken or any(map(_ODD.search, self._folders)):
            return False
        try:
            done = subprocess.run(self.over(["true"]), capture_output=True, timeout=20, check=False)
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0
