"""What the kernel says of processes (proc(5)), and of the control group that is to be seen here."""

from __future__ import annotations

import os

_CHUNK = 2**16
_TICKS = os.sysconf("SC_CLK_TCK")


def read(path: str) -> bytes:
    """A file of the kernel's: without the layers of open(), which cost more than the file. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = piece = os.read(descriptor, _CHUNK)
        while piece:
            piece = os.read(descriptor, _CHUNK)
            data += piece
        return data
    finally:
        os.close(descriptor)


def lines(path: str) -> list[bytes]:
    """Its lines. A process chooses its own name, and all but newlines appears in there as it is. Raises `OSError`."""
    return read(path).split(b"\n")


def processes() -> set[int]:
    """Every process that is to be seen here, this one among them."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def descendants(root: int) -> list[int]:
    """Every living or unreaped descendant of the process `root`, which is not among them."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        inner = _children(waiting.pop())
        found += inner
        waiting += inner
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read(f"/proc/{pid}/task/{task}/children").split())
    except FileNotFoundError:
        if not os.path.exists("/proc/self/task") or os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return found  # it ended meanwhile
        return [number for number in processes() if stat(number)[1:2] == [str(pid)]]  # without CONFIG_PROC_CHILDREN
    except (ProcessLookupError, PermissionError):
        pass
    return found


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, or nothing when it is gone."""
    try:
        return read(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """What the process has used, and those of its children that it has waited for; 0 when it is gone."""
    fields = stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def resident(pid: int) -> int:
    """What the process alone would free; pages shared with others count in part."""
    for name, keys in (("smaps_rollup", (b"Pss:",)), ("status", (b"RssAnon:", b"RssShmem:"))):
        try:
            return sum(int(line.split()[1]) * 1024 for line in lines(f"/proc/{pid}/{name}") if line.startswith(keys))
        except (OSError, ValueError):
            continue
    return 0


def data_bytes() -> int:
    """The memory of this process that RLIMIT_DATA counts (proc(5), statm)."""
    return int(read("/proc/self/statm").split()[5]) * os.sysconf("SC_PAGE_SIZE")


def group_cpu() -> float | None:
    """The CPU seconds of all that ever ran in this cgroup, or None where that cannot be seen."""
    try:
        if os.path.exists("/sys/fs/cgroup/cgroup.type"):  # version 2, and not the root, which is the whole machine
            return _named("/sys/fs/cgroup/cpu.stat", b"usage_usec") / 1e6
        return int(read("/sys/fs/cgroup/cpuacct/cpuacct.usage")) / 1e9
    except (OSError, KeyError, ValueError):
        return None


def oom_kills() -> int | None:
    """How often the kernel killed something of this cgroup for memory, or None where that cannot be seen."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            return _named(path, b"oom_kill")
        except (OSError, KeyError, ValueError):
            continue
    return None


def _named(path: str, key: bytes) -> int:
    """The number beside a word, in a file of such pairs."""
    for line in lines(path):
        word, _, number = line.partition(b" ")
        if word == key:
            return int(number)
    raise KeyError(key)
