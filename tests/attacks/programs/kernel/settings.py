"""Writes settings of the kernel, which are those of the whole machine."""

import os
from typing import Any


def attack(_world: Any) -> list[str]:
    """Each is opened for writing, and nothing is written."""
    found = []
    names = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/kernel/hostname",
        "/proc/sys/fs/binfmt_misc/register",
        "/proc/sysrq-trigger",
        "/proc/mtrr",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/uevent_helper",
        "/sys/power/state",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/proc/1/oom_score_adj",
        "/proc/1/comm",
        "/proc/1/uid_map",
    ]
    for folder in ("/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/net", "/proc/sys/fs"):
        names += [os.path.join(top, name) for top, _, inside in os.walk(folder) for name in inside]
    for name in names:
        if name.endswith("/ns_last_pid"):
            continue  # everybody may open it, and only who has a capability may write to it
        try:
            os.close(os.open(name, os.O_WRONLY))
            found.append(f"{name} can be written")
        except OSError:
            continue
    return found[:20]
