"""Everything a harness has started: one tree of processes, limited, measured, and killed as a whole.

The harness is the subreaper of its descendants (prctl(2)), so whatever is orphaned below it, daemons included, becomes
its child again and is found and reaped here. What something took is what the kernel says, never what it says itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from users import Users, become

_PDEATHSIG, _DUMPABLE, _SUBREAPER = 1, 4, 36
_AROUND = 2**30  # address space beyond the memory limit, for what is mapped and not used: libraries, stacks of threads
_A_GOOD_DEAL = 0.1  # seconds; the clock by which single processes are measured has ticks of 0.01
_FAST = 0.001  # seconds between two looks, until it has been tried a few times
_libc = ctypes.CDLL(None)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def become_guard() -> None:
    """Make this process the parent of every orphan below it, and closed to debuggers of its own user."""
    _libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    set_dumpable(False)


def set_dumpable(allowed: bool) -> None:
    """Whether other processes of the same user may look into this one: its memory, its descriptors."""
    _libc.prctl(_DUMPABLE, int(allowed), 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, a process with one thread, ends."""
    _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def clean_environment(home: str, python: str) -> dict[str, str]:
    """What programs and evaluators see: nothing of the engine's, and nothing that differs from run to run."""
    return {
        "PATH": f"{os.path.dirname(python)}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # one thread per process: workers run side by side, sums come out the same, and the memory that libraries set
        # aside for each core of a large machine would not fit under the limit
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def limit(limits: Mapping[str, int], processes: int | None, had: int = 0) -> None:
    """Set this process's rlimits, which its children inherit. `had` are the bytes of memory it came with."""
    memory = limits["memory_bytes"] + had
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["disk_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_AS: memory + _AROUND,
    }
    if processes is not None:
        wanted[resource.RLIMIT_NPROC] = processes
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bound, bound))


class Tree:
    """The descendants of this process, but for `helper`: one that is ours and that lives on.

    With `users`, they are those of the candidate's processes wherever they hang, too. With `counted`, the control group
    that is to be seen here holds this session and nothing else.
    """

    def __init__(self, users: Users | None = None, counted: bool = False) -> None:
        self._users, self._counts = users, counted
        self._helpers: set[int] = set()
        self._helpers_cpu = 0.0  # of those that have ended
        self._before = 0.0
        self.helper: int | None = None
        self.exits: dict[int, int] = {}
        """pid -> exit code, or minus the signal, of children that ended and were not forgotten."""
        self.cpu_seconds = 0.0
        self.memory_bytes = 0

    def reset(self) -> None:
        """Forget who ended and what they took."""
        self.exits.clear()
        self._before = self._counted()
        self.cpu_seconds = 0.0
        self.memory_bytes = 0

    def spawn(
        self,
        argv: list[str],
        *,
        descriptors: Mapping[int, int],
        folder: str,
        environment: Mapping[str, str],
        limits: Mapping[str, int] | None,
        processes: int | None = None,
        helper: bool = False,
    ) -> int:
        """Start a program in its own session, as the candidate's user or as the helper's, where they have some;
        `descriptors` maps its descriptors to ours. Returns its pid.

        A program that cannot be started says so on its standard error and exits with 127, or 126 when not allowed.
        """
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                if self._users is not None:
                    self._users.become_zygote() if helper else become(self._users.candidate)
                die_with_parent(parent)
                # first out of the way of each other's numbers, then into place
                high = {theirs: fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, 64) for theirs, ours in descriptors.items()}
                for theirs, ours in high.items():
                    os.dup2(ours, theirs)
                os.chdir(folder)
                os.umask(0o022)
                for number in (signal.SIGPIPE, signal.SIGXFSZ):
                    signal.signal(number, signal.SIG_DFL)
                if limits is not None:
                    limit(limits, processes)
                _execute(argv, environment)
            finally:
                os._exit(125)
        if helper:
            self._helpers.add(pid)
        return pid

    def reap(self) -> None:
        """Take note of every child that has ended."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.helper:
                self.helper = None  # the number may soon be another process's, and that one is to be killed
            self.exits[pid] = os.waitstatus_to_exitcode(status)
            took = usage.ru_utime + usage.ru_stime
            if pid in self._helpers:
                self._helpers.remove(pid)
                self._helpers_cpu += took
                continue
            self.cpu_seconds += took
            self.memory_bytes = max(self.memory_bytes, usage.ru_maxrss * 1024)

    def kill(self, keep: frozenset[int] = frozenset(), patience: float = 10.0) -> bool:
        """Kill and reap what runs, but for those in `keep`. False when some could not be killed in `patience` s."""
        deadline = time.monotonic() + patience
        pause = 0.0002
        while True:
            self.reap()
            victims = [pid for pid in self.running() if pid not in keep]
            if self._users is not None and not keep:
                victims = victims or self._users.running()
                if pause > _FAST:  # it forks faster than we find them
                    self._users.kill_all()
            if not victims:
                return True
            for pid in victims:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.01)

    def running(self) -> list[int]:
        """Every descendant but the helper."""
        return [pid for pid in descendants(os.getpid()) if pid != self.helper]

    def is_going(self, pid: int) -> bool:
        """Whether the process is there, and neither stopped nor dead."""
        return _stat(pid)[:1] not in ([], ["T"], ["t"], ["Z"], ["X"])

    def below(self, pid: int) -> list[int]:
        """The process and its descendants."""
        return [pid, *descendants(pid)]

    def oom_kills(self) -> int | None:
        """How often the kernel killed something of this cgroup for memory, or None where that cannot be seen."""
        return oom_kills()

    def cpu(self, pids: Sequence[int] = ()) -> float:
        """The CPU seconds since `reset` of all that has ended, and of these processes, which run.

        That leaves out children whose parent did not want to know of their end. Only the control group has counted
        them, with a few other things, so it is believed when it says a good deal more.
        """
        seen = self.cpu_seconds + sum(_cpu(pid) for pid in pids)
        counted = self._counted() - self._before
        return counted if counted > seen + _A_GOOD_DEAL else seen

    def _counted(self) -> float:
        """What the control group has counted, but for this process and its helpers; 0 where it cannot be seen."""
        group = group_cpu() if self._counts else None
        if group is None:
            return 0.0
        helper = _cpu(self.helper) if self.helper is not None else 0.0
        return group - time.process_time() - self._helpers_cpu - helper

    def look(self, pids: Sequence[int]) -> int:
        """The memory in bytes of these processes now. Remembers the peak."""
        with self._users.as_candidate() if self._users else contextlib.nullcontext():
            memory = sum(_resident(pid) for pid in pids)
        self.memory_bytes = max(self.memory_bytes, memory)
        return memory


def _execute(argv: list[str], environment: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(126 if isinstance(error, PermissionError) else 127)


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
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    except FileNotFoundError:
        if not os.path.exists("/proc/self/task") or os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return found  # it ended meanwhile
        return _children_by_scan(pid)
    except (ProcessLookupError, PermissionError):
        pass
    return found


def _children_by_scan(parent: int) -> list[int]:
    """For kernels without CONFIG_PROC_CHILDREN."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _stat(int(name))[1:2] == [str(parent)]]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on (proc(5)), or nothing when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _resident(pid: int) -> int:
    """What the process alone would free; pages shared with others count in part."""
    for name, keys in (("smaps_rollup", (b"Pss:",)), ("status", (b"RssAnon:", b"RssShmem:"))):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                return sum(int(line.split()[1]) * 1024 for line in file if line.startswith(keys))
        except (OSError, ValueError):
            continue
    return 0


def data_bytes() -> int:
    """The memory of this process that RLIMIT_DATA counts (proc(5), statm)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")


def group_cpu() -> float | None:
    """The CPU seconds of all that ever ran in this cgroup, or None where that cannot be seen."""
    try:
        if os.path.exists("/sys/fs/cgroup/cgroup.type"):  # version 2, and not the root, which is the whole machine
            with open("/sys/fs/cgroup/cpu.stat", encoding="ascii") as file:
                return next(int(line.split()[1]) / 1e6 for line in file if line.startswith("usage_usec"))
        with open("/sys/fs/cgroup/cpuacct/cpuacct.usage", encoding="ascii") as file:
            return int(file.read()) / 1e9
    except (OSError, ValueError, StopIteration):
        return None


def oom_kills() -> int | None:
    """How often the kernel killed something of this cgroup for memory, or None where that cannot be seen."""
    for path, key in (
        ("/sys/fs/cgroup/memory.events", "oom_kill"),
        ("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill"),
    ):
        try:
            with open(path, encoding="ascii") as file:
                words: dict[str, Any] = dict(line.split(maxsplit=1) for line in file)
                return int(words[key])
        except (OSError, KeyError, ValueError):
            continue
    return None
