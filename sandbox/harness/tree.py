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
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import proc
from users import Users, become

_PDEATHSIG, _DUMPABLE, _SUBREAPER = 1, 4, 36
_AROUND = 2**30  # address space beyond the memory limit, for what is mapped and not used: libraries, stacks of threads
_A_GOOD_DEAL = 0.1  # seconds; the clock by which single processes are measured has ticks of 0.01
_SOON = 0.02  # seconds in which a process that was killed has ended, unless it was large
_TRIES = 4  # to find and kill one process after the other
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


def clean_environment(home: str, python: str, gateway: str = "") -> dict[str, str]:
    """What programs and evaluators see: nothing of the engine's, and nothing that differs from run to run.

    `gateway` is where they find the socket by which models can be asked, if this session has one.
    """
    return {
        **({"EVOLVE_GATEWAY": gateway} if gateway else {}),
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
    that is to be seen here holds this session and nothing else. `pause` waits for so many seconds, or until a child has
    ended.
    """

    def __init__(
        self, users: Users | None = None, counted: bool = False, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._users, self._counts, self._pause = users, counted, pause
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
        self._before = self.counted()
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

    def wait(self, pid: int, seconds: float) -> int | None:
        """How this child of ours has ended, when it does so in time."""
        until = time.monotonic() + seconds
        self.reap()
        while pid not in self.exits and (left := until - time.monotonic()) > 0:
            self._pause(left)
            self.reap()
        return self.exits.get(pid)

    def end(self, pid: int) -> None:
        """Kill this child of ours, and wait a moment for its end. That leaves little for `kill` to find, most often."""
        if pid not in self.exits:
            os.kill(pid, signal.SIGKILL)
            self.wait(pid, _SOON)

    def kill(self, keep: frozenset[int] = frozenset(), patience: float = 10.0) -> bool:
        """Kill and reap what runs, but for those in `keep`. False when some could not be killed in `patience` s."""
        deadline = time.monotonic() + patience
        pause = 0.0002
        tries = 0
        while True:
            self.reap()
            if self._alone():
                return True
            victims = [pid for pid in self.running() if pid not in keep]
            if self._users is not None and not keep:
                victims = victims or self._users.running()
                if tries > _TRIES:  # it forks faster than we find them
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
            self._pause(pause)
            tries += 1
            pause = min(2 * pause, 0.01)

    def _alone(self) -> bool:
        """Whether there is nobody but us and the helper, wherever: known at a glance where nobody else's are seen."""
        return self._users is not None and proc.processes() <= {os.getpid(), self.helper}

    def running(self) -> list[int]:
        """Every descendant but the helper."""
        return [pid for pid in proc.descendants(os.getpid()) if pid != self.helper]

    def is_going(self, pid: int) -> bool:
        """Whether the process is there, and neither stopped nor dead."""
        return proc.stat(pid)[:1] not in ([], ["T"], ["t"], ["Z"], ["X"])

    def below(self, pid: int) -> list[int]:
        """The process and its descendants."""
        return [pid, *proc.descendants(pid)]

    def oom_kills(self) -> int | None:
        """How often the kernel killed something of this cgroup for memory, or None where that cannot be seen."""
        return proc.oom_kills()

    def cpu(self, pids: Sequence[int] = ()) -> float:
        """The CPU seconds since `reset` of all that has ended, and of these processes, which run.

        That leaves out children whose parent did not want to know of their end. Only the control group has counted
        them, with a few other things, so it is believed when it says a good deal more.
        """
        seen = self.cpu_seconds + sum(proc.cpu_seconds(pid) for pid in pids)
        counted = self.counted() - self._before
        return counted if counted > seen + _A_GOOD_DEAL else seen

    def counted(self) -> float:
        """What the control group has counted, but for this process and its helpers; 0 where it cannot be seen."""
        group = proc.group_cpu() if self._counts else None
        if group is None:
            return 0.0
        helper = proc.cpu_seconds(self.helper) if self.helper is not None else 0.0
        return group - time.process_time() - self._helpers_cpu - helper

    def look(self, pids: Sequence[int]) -> int:
        """The memory in bytes of these processes now. Remembers the peak."""
        with self._users.as_candidate() if self._users else contextlib.nullcontext():
            memory = sum(proc.resident(pid) for pid in pids)
        self.memory_bytes = max(self.memory_bytes, memory)
        return memory


def _execute(argv: list[str], environment: Mapping[str, str]) -> NoReturn:
    try:
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
        os._exit(126 if isinstance(error, PermissionError) else 127)
