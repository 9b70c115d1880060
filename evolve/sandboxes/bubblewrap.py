"""Bubblewrap: fresh namespaces, a read-only view of the interpreter and nothing else, a filter on system calls.

Started by root, each program inside runs under a user id of its own that no other process has and that owns nothing on
the host; started by anybody else, all of a session is one user in a user namespace, and each candidate wants a session
of its own. Either way it has no capability and can gain none.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.sandboxes import harness
from evolve.sandboxes.bounds import SHARED_BYTES, Bounds
from evolve.sandboxes.cgroups import Group, find_groups
from evolve.sandboxes.guarantees import Guarantee, weaknesses
from evolve.sandboxes.interpreter import directories, interpreter_view
from evolve.sandboxes.openings import Openings
from evolve.sandboxes.seccomp import compile_profile
from evolve.sandboxes.session import PipeSession
from evolve.sandboxes.veil import DEVICES, Veil
from evolve.types import Limits, Role, Session

__all__ = ["BubblewrapSandbox"]

_OLDEST = (0, 7)  # the first that bounds a tmpfs
_HARNESS = "/evolve/harness"
_WRITABLE = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's
_START = 60.0  # seconds until the namespaces stand
_FIRST_USER, _USERS = 1_900_000_000, 200_000_000  # above what systemd and containers give out, below 2**31
_NOBODY = 65534
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_PASSWD = f"nobody:x:{_NOBODY}:{_NOBODY}::/tmp:/bin/sh\n".encode()
_GROUP = f"nogroup:x:{_NOBODY}:\n".encode()
_NOT_IN_RLIMITS = frozenset({"memfd_create"})
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - the sandbox's

_ONE_USER = (
    "An ordinary user has one user id to give, to a candidate and to the harness that watches it: so each candidate "
    "gets a session of its own, which costs a tenth of a second and what it imports."
)
_ALONE = (
    "Without a control group the kernel limits memory for a single process only, so a candidate may start no process "
    "and no thread, and may map 1 GiB more than its limit."
)


_SHARED = (
    "Candidates that run at the same time see the same files of the interpreter, and can signal each other by locking "
    "them; no score depends on it."
)


class BubblewrapSandbox:
    """Runs each session under `bwrap`, with no network and no file of the host but the interpreter's.

    `python` is the interpreter inside, by default the one that runs the engine. `hidden` are folders that stay unseen
    even if they lie inside the interpreter's. `bounded=False` does without control groups.
    Raises `SandboxUnavailable` when bubblewrap is missing or too old; whether it works shows when a session opens.
    """

    name: str = "bubblewrap"

    def __init__(self, *, python: str | None = None, hidden: Sequence[Path] = (), bounded: bool = True) -> None:
        self._bwrap = _find_bwrap()
        self._python = python or sys.executable
        self._groups = find_groups() if bounded else None
        self._filter = compile_profile(without=() if self._groups else _NOT_IN_RLIMITS)
        self._as_root = os.geteuid() == 0
        self._view = list(interpreter_view(self._python, [Path(harness.__file__).parents[1], *hidden]))
        # The kernel kills a session when the thread that started it ends (PR_SET_PDEATHSIG means threads, not
        # processes), so all of them start on one thread, which lives as long as this object and its sessions
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="evolve-bubblewrap")
        self._sessions: Openings[PipeSession] = Openings()
        self._worked = False
        self.missing = frozenset({Guarantee.KERNEL} | (set() if self._filter else {Guarantee.SYSTEM_CALLS}))
        self.weaknesses = weaknesses(self.missing)
        if not self._as_root:
            self.weaknesses += (_ONE_USER,)
        if not self.bounded:
            self.weaknesses += (_ALONE,)
        self._veil = Veil(self._shown()) if self._as_root else None
        if self._veil is None or not self._veil.works:
            self.weaknesses += (_SHARED,)

    @property
    def bounded(self) -> bool:
        """Whether a control group limits the memory of a session's whole process tree."""
        return self._groups is not None

    def identity(self) -> str:
        """What a check of this sandbox is good for: bubblewrap itself, the control groups, the interpreter."""
        itself = Path(self._bwrap).stat()
        groups = type(self._groups).__name__
        return f"bubblewrap {self._bwrap} {itself.st_mtime_ns} {itself.st_size} {groups} {self._python}"

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """Start a harness for this role. Raises `SandboxUnavailable` the first time, `SandboxFault` after."""
        with self._sessions.opening():
            return self._session(role, limits, gateway)

    def _session(self, role: Role, limits: Limits, gateway: Path | None) -> Session:
        bounds = Bounds.of(limits)
        group = self._groups.make(bounds.memory_bytes, bounds.tasks) if self._groups else None
        processes: int | None = 1
        if self.bounded or role == "evaluator":
            processes = bounds.processes if self._as_root or _counts_by_namespace() else None
        try:
            separate = self._as_root and role == "candidate"
            command = harness.argv(
                self._python,
                _HARNESS,
                role,
                limits,
                processes=processes,
                emptied=_WRITABLE,
                separate=separate,
                once=role == "candidate" and not separate,
                counted=group is not None,
                gateway=harness.GATEWAY if gateway else None,
            )
            if self._as_root and not separate:
                command = [*_become(_spare_user()), *command]
            started = self._starter.submit(self._start, command, limits, group, gateway).result()
        except BaseException:  # an interrupt, too, leaves no group behind
            if group is not None:
                group.remove()
            raise
        self._worked = True

        def closed() -> None:
            os.close(started.handle)
            if group is not None:
                group.remove()
            self._sessions.discard(session)

        session = PipeSession(started.process, limits, terminate=started.kill, on_close=closed)
        self._sessions.add(session)
        return session

    def close(self) -> None:
        """Close what sessions are left. May be called twice; nothing can be opened afterwards."""
        self._sessions.close()
        self._starter.shutdown(wait=False)

    def _start(self, command: Sequence[str], limits: Limits, group: Group | None, gateway: Path | None) -> _Started:
        report, told = os.pipe()
        data = [_memory_file(content) for content in (_PASSWD, _GROUP, self._filter or b"")]
        try:
            argv = [self._bwrap, *self._isolation(), *self._files(limits, group, gateway, data)]
            argv += ["--info-fd", str(told), *(["--seccomp", str(data[2])] if self._filter else []), "--"]
            argv += command
            if self._veil is not None and self._veil.works:
                argv = self._veil.over(argv)
            process = subprocess.Popen(
                group.enter(argv) if group else argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(told, *data),
                bufsize=0,
                env=_outer_environment(),
                start_new_session=True,  # a Ctrl-C at the terminal is the engine's to handle
                cwd="/",
            )
        except OSError as error:
            os.close(report)
            raise SandboxFault(f"cannot start {self._bwrap}: {error.strerror}") from None
        finally:
            for descriptor in (told, *data):
                os.close(descriptor)
        try:
            child = _child(report)
        finally:
            os.close(report)
        with contextlib.suppress(OSError):
            if child is not None:
                return _Started(process, os.pidfd_open(child))
        raise self._failure(process)

    def _isolation(self) -> list[str]:
        namespaces = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        if self._as_root:
            # just enough for setpriv, or the harness, to give up root for good
            given = [word for name in harness.CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
        else:
            namespaces.append("--unshare-user")
            given = ["--uid", str(_NOBODY), "--gid", str(_NOBODY)]
        words = [*namespaces, "--cap-drop", "ALL", *given]
        words += [
            "--die-with-parent",
            "--new-session",
            "--as-pid-1",
            "--hostname",
            "sandbox",
            "--chdir",
            "/",
            "--clearenv",
        ]
        for name, value in _ENVIRONMENT.items():
            words += ["--setenv", name, value]
        return words

    def _files(self, limits: Limits, group: Group | None, gateway: Path | None, data: Sequence[int]) -> Iterator[str]:
        yield from _system()
        for name, descriptor in (("passwd", data[0]), ("group", data[1])):
            yield from ("--perms", "0644", "--ro-bind-data", str(descriptor), f"/etc/{name}")
        yield from ("--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/tmp")  # noqa: S108 - the sandbox's
        yield from self._view
        yield from (*directories(_HARNESS), "--ro-bind", str(_readable_harness()), _HARNESS)
        for folder, where in group.seen() if group is not None else ():
            yield from (*directories(where), "--ro-bind", str(folder), where)
        if gateway is not None:
            yield from (*directories(str(Path(harness.GATEWAY).parent)), "--ro-bind", str(gateway), harness.GATEWAY)
        yield from _devices()
        yield from ("--remount-ro", "/")

    def _shown(self) -> list[Path]:
        """The folders of the host that sessions see."""
        bound = [Path(self._view[at + 1]) for at, word in enumerate(self._view) if word == "--ro-bind"]
        system = [
            Path(name) for name in ("/usr", "/etc", *_SYSTEM) if Path(name).is_dir() and not Path(name).is_symlink()
        ]
        return [*system, *bound, _readable_harness()]

    def _failure(self, process: subprocess.Popen[bytes]) -> SandboxFault | SandboxUnavailable:
        process.kill()
        _, said = process.communicate()
        words = said.decode(errors="replace").strip()[-1000:] or f"it exited with {process.returncode} and said nothing"
        if self._worked:
            return SandboxFault(f"bubblewrap could not start a sandbox: {words}")
        return SandboxUnavailable(f"bubblewrap does not work here: {words}. {_remedy(words)}")


@dataclass(frozen=True)
class _Started:
    process: subprocess.Popen[bytes]
    handle: int
    """A pidfd of process 1 inside: when it ends, the kernel ends everything there."""

    def kill(self) -> None:
        signal.pidfd_send_signal(self.handle, signal.SIGKILL)


def _system() -> Iterator[str]:
    """The host's programs and libraries, read-only, and a fresh /proc."""
    yield from ("--ro-bind", "/usr", "/usr")
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from directories("/etc")
    for name in ("/etc/alternatives", "/etc/ld.so.cache"):
        yield from ("--ro-bind-try", name, name)
    yield from ("--proc", "/proc")
    for name in ("kcore", "keys", "timer_list", "sched_debug", "latency_stats", "sysrq-trigger"):
        if Path("/proc", name).exists():
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")


def _devices() -> Iterator[str]:
    """The devices that programs expect. bwrap's own --dev is writable and without a bound on its size."""
    yield from ("--perms", "0755", "--size", str(2**16), "--tmpfs", "/dev")
    for name in DEVICES:
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        yield from ("--symlink", f"/proc/self/fd{target}", f"/dev/{name}")
    yield from ("--perms", "1777", "--size", str(SHARED_BYTES), "--tmpfs", "/dev/shm")  # noqa: S108 - the sandbox's
    yield from ("--remount-ro", "/dev")


def _find_bwrap() -> str:
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable(
            "bubblewrap is not installed. Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap"
        )
    said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        raise SandboxUnavailable(
            f"{bwrap} is {said.strip() or 'broken'}; 0.7 or newer can limit disk space and is needed"
        )
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise SandboxUnavailable("bubblewrap run by root needs setpriv. Install util-linux, or run as another user")
    return bwrap


def _remedy(words: str) -> str:
    """What to do about the ways in which bubblewrap usually fails."""
    if "max_user_namespaces" in words or "No space left" in words:
        return "User namespaces are switched off: sysctl user.max_user_namespaces=10000"
    if "uid map" in words or "RTM_NEWADDR" in words:
        return (
            "AppArmor restricts user namespaces here (Ubuntu 24.04 does): install apparmor-profiles and its profile "
            "bwrap-userns-restrict, or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if "Operation not permitted" in words or "Permission denied" in words:
        return (
            "Namespaces are not allowed here. In a container, start it with --privileged or with --cap-add SYS_ADMIN "
            "--security-opt seccomp=unconfined --security-opt systempaths=unconfined; or use the docker sandbox"
        )
    return "Try it by hand: bwrap --ro-bind / / --unshare-all true"


def _become(user: int) -> list[str]:
    identity = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    nothing = ["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs"]
    # a change of user clears the signal that --die-with-parent asked for
    return [str(shutil.which("setpriv")), *identity, *nothing, "--pdeathsig", "KILL", "--"]


def _spare_user() -> int:
    """A user id that this machine (or the container we run in) knows and that nobody has, another one each time."""
    largest = (0, 0)
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        first, _, number = map(int, line.split())
        largest = max(largest, (number, first))
    number, first = largest
    if first <= _FIRST_USER and first + number >= _FIRST_USER + _USERS:
        return _FIRST_USER + secrets.randbelow(_USERS)
    if number < 1000:
        raise SandboxUnavailable("root has no spare user ids in this container; run as another user, or with more ids")
    return first + number - 1 - secrets.randbelow(number // 2)


def _counts_by_namespace() -> bool:
    """Whether RLIMIT_NPROC counts what is in a user namespace, and not all the processes of its user (Linux 5.14)."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= (5, 14)


def _readable_harness() -> Path:
    """The harness, readable by whatever user runs it; the folder above is ours alone."""
    folder = harness.directory()
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("evolve")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _outer_environment() -> dict[str, str]:
    """For bwrap and systemd-run; what runs inside gets none of it."""
    bus = {name: os.environ[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **bus}


def _child(report: int) -> int | None:
    """The process id of the first process inside, as bwrap reports it once the namespaces stand."""
    said, deadline = b"", time.monotonic() + _START
    while b"}" not in said:
        ready, _, _ = select.select([report], [], [], max(0.0, deadline - time.monotonic()))
        more = os.read(report, 4096) if ready else b""
        if not more:
            return None
        said += more
    return int(json.loads(said)["child-pid"])
