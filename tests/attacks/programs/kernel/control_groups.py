"""Changes the control group that bounds it, leaves it, or has the kernel start a program on its behalf."""

import os
from typing import Any

_FILES = {
    "cgroup.procs",
    "cgroup.threads",
    "tasks",
    "memory.max",
    "memory.limit_in_bytes",
    "pids.max",
    "cpu.max",
    "release_agent",
    "notify_on_release",
    "cgroup.subtree_control",
    "memory.force_empty",
    "cgroup.kill",
}


def attack(_world: Any) -> list[str]:
    """In every group that can be seen. Its files are opened for writing, and nothing is written."""
    found = []
    for folder, folders, names in os.walk("/sys/fs/cgroup"):
        for name in names:
            if name in _FILES:
                try:
                    os.close(os.open(os.path.join(folder, name), os.O_WRONLY))
                    found.append(f"{folder}/{name} can be written")
                except OSError:
                    continue
        try:
            os.mkdir(os.path.join(folder, "inner"))
            found.append(f"a group in {folder}")
            os.rmdir(os.path.join(folder, "inner"))
        except OSError:
            pass
        folders[:] = folders[:20]
    return found
