"""Control groups: what bounds the memory and the number of tasks of a whole process tree (cgroups(7)).

Version 1 and version 2 are used where this process may make groups (root, or a delegated subtree), else a scope of the
user's systemd. What was found is proven with a canary before it is believed: some set-ups take limits and ignore them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Protocol

from evolve.errors import SandboxFault
from evolve.sandboxes.owner import Owner

__all__ = ["Group", "Groups", "find_groups", "left_groups"]

_ENTER = 'until [ "$1" = -- ]; do echo 0 >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"'
_PREFIX = "evolve-"
_numbers = count()


class Group(Protocol):
    """The control group of one session."""

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` inside of the group."""

    def seen(self) -> tuple[tuple[Path, str], ...]:
        """Folders of the group on the host that tell of memory and processor time, and where a sandbox shows each."""

    def remove(self) -> None:
        """Remove the group once everything in it has ended. Never raises."""


class Groups(Protocol):
    """Makes control groups in one of the ways that machines offer."""

    def make(self, memory_bytes: int, tasks: int) -> Group:
        """A new group with these limits. Raises `SandboxFault`."""


def find_groups() -> Groups | None:
    """The first way that works here, proven; None when there is none. Takes some 30 ms, once per process."""
    return _found(os.getpid())


def left_groups() -> list[Path]:
    """The groups of engines that are certainly gone; what may still run in them ends by itself."""
    folders = [folder for groups in _candidates() if isinstance(groups, _Folders) for folder in groups.parents]
    return [found for folder in folders for found in _left_in(folder)]


def _left_in(parent: Path) -> list[Path]:
    left = []
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = Owner.parse(folder.name.removeprefix(_PREFIX).rpartition("-")[0])
        if owner is not None and owner.is_gone():
            left.append(folder)
    return left


@cache
def _found(_process: int) -> Groups | None:
    for groups in _candidates():
        with contextlib.suppress(SandboxFault):
            if _proven(groups):
                return groups
    return None


def _candidates() -> list[Groups]:
    found: list[Groups] = []
    hierarchies = _own_groups()
    if "memory" in hierarchies:
        folders = {name: hierarchies[name] for name in ("memory", "cpuacct", "pids") if name in hierarchies}
        if "cpuacct" in folders and not os.access(folders["cpuacct"], os.W_OK):
            del folders["cpuacct"]  # it bounds nothing
        if all(os.access(folder, os.W_OK) for folder in folders.values()):
            found.append(_Folders(tuple(dict.fromkeys(folders.values())), version=1))
    elif "" in hierarchies:
        parent = _delegating(hierarchies[""])
        if parent is not None:
            found.append(_Folders((parent,), version=2))
    if os.getuid() != 0 and shutil.which("systemd-run") and os.environ.get("XDG_RUNTIME_DIR"):
        found.append(_Scopes())
    return found


def _own_groups() -> dict[str, Path]:
    """Controller -> the folder of this process's group in its hierarchy; version 2 under the empty name."""
    mounted: dict[str, tuple[str, Path]] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            left, _, right = line.partition(" - ")
            kind, _, options = right.split(" ", 2)
            root, where = left.split(" ")[3:5]
            if kind == "cgroup":
                mounted |= dict.fromkeys(options.split(","), (root, Path(where)))
            elif kind == "cgroup2":
                mounted[""] = (root, Path(where))
    groups: dict[str, Path] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, names, path = line.split(":", 2)
            for name in names.split(","):
                if name in mounted:
                    above, top = mounted[name]
                    inner = path.removeprefix(above.rstrip("/")).lstrip("/")
                    folder = top / inner
                    groups[name] = folder if ".." not in inner and folder.is_dir() else top
    return groups


def _delegating(own: Path) -> Path | None:
    """The nearest folder at or above `own` that hands the memory controller to its children and may be written."""
    for folder in (own, *own.parents):
        try:
            handed = (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
        except OSError:
            return None
        if {"memory", "pids"} <= set(handed):
            writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
            return folder if writable else None
    return None


def _proven(groups: Groups) -> bool:
    """Whether something that takes more than its group may have is really stopped."""
    group = groups.make(16 * 2**20, 16)
    # dd takes its block from the heap at once and touches all of it
    greedy = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"]
    modest = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=1"]
    try:
        return _exit_code(group.enter(modest)) == 0 and _exit_code(group.enter(greedy)) != 0
    finally:
        group.remove()


def _exit_code(argv: Sequence[str]) -> int | None:
    try:
        ended = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.returncode


@dataclass(frozen=True)
class _FolderGroup:
    folders: tuple[Path, ...]
    version: int

    def enter(self, argv: Sequence[str]) -> list[str]:
        return ["/bin/sh", "-c", _ENTER, "sh", *map(str, self.folders), "--", *argv]

    def seen(self) -> tuple[tuple[Path, str], ...]:
        if self.version == 2:
            return ((self.folders[0], "/sys/fs/cgroup"),)
        counting = (folder for folder in self.folders[1:] if (folder / "cpuacct.usage").exists())
        return (self.folders[0], "/sys/fs/cgroup/memory"), *((folder, "/sys/fs/cgroup/cpuacct") for folder in counting)

    def remove(self) -> None:
        deadline = time.monotonic() + 10
        for folder in self.folders:
            while True:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:  # busy until the last process in it is reaped
                    if time.monotonic() > deadline:
                        break
                    time.sleep(0.002)
                else:
                    break


class _Folders:
    """Groups as folders below one of ours, one per hierarchy."""

    def __init__(self, parents: tuple[Path, ...], *, version: int) -> None:
        self.parents, self._version = parents, version
        self._swept = False

    def make(self, memory_bytes: int, tasks: int) -> Group:
        if not self._swept:
            self._sweep()
        name = f"{_PREFIX}{Owner.this()}-{next(_numbers)}"
        folders = tuple(parent / name for parent in self.parents)
        group = _FolderGroup(folders, self._version)
        try:
            for folder in folders:
                folder.mkdir()
            self._limit(folders, memory_bytes, tasks)
        except OSError as error:
            group.remove()
            raise SandboxFault(f"cannot make the control group {folders[0]}: {error.strerror}") from None
        return group

    def _limit(self, folders: tuple[Path, ...], memory_bytes: int, tasks: int) -> None:
        if self._version == 1:
            _write(folders[0] / "memory.limit_in_bytes", memory_bytes)
            swap = folders[0] / "memory.memsw.limit_in_bytes"
        else:
            _write(folders[0] / "memory.max", memory_bytes)
            swap = folders[0] / "memory.swap.max"
        if swap.exists():  # absent where the kernel does not account for swap
            _write(swap, memory_bytes if self._version == 1 else 0)
        if (folders[-1] / "pids.max").exists():
            _write(folders[-1] / "pids.max", tasks)

    def _sweep(self) -> None:
        """Remove the groups of engines that are gone."""
        self._swept = True
        for parent in self.parents:
            for folder in _left_in(parent):
                with contextlib.suppress(OSError):  # something in it still runs, or somebody else was faster
                    folder.rmdir()


def _write(file: Path, value: int) -> None:
    file.write_text(str(value), encoding="ascii")


@dataclass(frozen=True)
class _Scope:
    memory_bytes: int
    tasks: int

    def enter(self, argv: Sequence[str]) -> list[str]:
        limits = (f"MemoryMax={self.memory_bytes}", "MemorySwapMax=0", f"TasksMax={self.tasks}")
        options = [word for limit in limits for word in ("--property", limit)]
        return ["systemd-run", "--user", "--scope", "--quiet", "--collect", *options, "--", *argv]

    def seen(self) -> tuple[tuple[Path, str], ...]:
        return ()

    def remove(self) -> None:
        """systemd removes a scope when it is empty."""


class _Scopes:
    """Groups as transient scopes of the user's systemd (systemd-run(1))."""

    def make(self, memory_bytes: int, tasks: int) -> Group:
        return _Scope(memory_bytes, tasks)
