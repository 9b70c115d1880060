"""Whether a sandbox keeps what it promises, tried with canaries: programs that do what it is there to prevent.

Flags are not believed, since some set-ups take them and ignore them. What is promised and does not hold is the one bad
outcome; a promise that cannot be tried from here (the sandbox runs on another machine) is neither.
"""

from __future__ import annotations

import os
import platform
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from evolve.errors import SandboxFault
from evolve.sandboxes.bounds import SHARED_BYTES, Bounds
from evolve.sandboxes.caller import Caller, Stopped, running
from evolve.sandboxes.canaries import CURIOUS, GREEDY, LIMITS, ORDINARY, system_call_numbers
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.types import Sandbox, Session

__all__ = ["Finding", "Unproven", "check"]

_MIB = 2**20
_SOON = 30.0  # seconds within which a killed tree is gone
_WRITABLE = {"/tmp", "/dev/shm", "/dev/mqueue"}  # noqa: S108 - the sandbox's
_REFUSED = {1, 38}  # EPERM, ENOSYS
_UNLIMITED = 2**60  # what control groups of version 1 say when there is no limit is above


class Broken(Exception):
    """A promise that does not hold; the message says what was seen."""


class Unproven(Exception):
    """It cannot be tried from here; the message says why."""


@dataclass(frozen=True)
class Finding:
    """What was found of one promise. `holds` is None when it is not given, or could not be tried.

    `how` says what was tried and what came of it or, of what is not promised, what the sandbox does not protect from.
    """

    name: str
    promised: bool
    holds: bool | None
    how: str


def check(sandbox: Sandbox, *, quick: bool = False) -> list[Finding]:
    """Try every promise of the sandbox in a session of it; `quick` tries those that are broken without a sign.

    Takes about ten seconds, or one when quick. Raises `SandboxUnavailable`, and `SandboxFault` when no session opens.
    """
    lacking = missing(sandbox)
    findings: list[Finding] = []
    with _Bench(sandbox, quick=quick) as bench:
        for name, guarantees, at_once, canary in _CANARIES:
            absent = [guarantee for guarantee in guarantees if guarantee in lacking]
            if absent:
                findings.append(Finding(name, False, None, f"it does not protect from {absent[0].value}"))
            elif any(finding.name in _FIRST and finding.holds is False for finding in findings):
                findings.append(Finding(name, True, None, "not tried, since the canary would not be shut in"))
            elif at_once or not quick:
                findings.append(_tried(name, canary, bench))
    return findings


def _tried(name: str, canary: Callable[[_Bench], str], bench: _Bench) -> Finding:
    try:
        return Finding(name, True, True, canary(bench))
    except Unproven as reason:
        return Finding(name, True, None, str(reason))
    except Broken as seen:
        return Finding(name, True, False, str(seen))
    except Stopped as stopped:
        return Finding(name, True, False, f"the canary was stopped before it could tell ({stopped})")
    except (SandboxFault, TimeoutError) as fault:
        bench.renew()
        return Finding(name, True, False, f"the sandbox itself failed: {fault}")


class _Bench:
    """A session with small limits, opened anew when a canary has broken it."""

    def __init__(self, sandbox: Sandbox, *, quick: bool) -> None:
        self.sandbox, self.quick = sandbox, quick
        self.key = secrets.token_hex(8)
        self.session = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def run(self, source: str) -> Caller:
        """A fresh candidate."""
        return Caller(self.session, source)

    def renew(self) -> None:
        """Go on in another session."""
        self.session.close()
        self.session = self._open()

    def _open(self) -> Session:
        """With a key in the engine's environment, for the canary that looks for one."""
        os.environ["EVOLVE_CANARY_KEY"] = self.key
        try:
            return self.sandbox.open("candidate", LIMITS)
        finally:
            del os.environ["EVOLVE_CANARY_KEY"]


def _expect(holds: bool, seen: str) -> None:
    if not holds:
        raise Broken(seen)


def _files(bench: _Bench) -> str:
    caller = bench.run(CURIOUS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        secret = folder / "secret.txt"
        secret.write_text("a secret", encoding="utf-8")
        seen = caller.call("see", str(secret))
        caller.call("plant", str(folder / "planted.txt"))
        _expect(not seen["exists"] and not seen["names"], f"a file in {folder} could be seen: {seen['names']}")
        _expect(not (folder / "planted.txt").exists(), f"a file could be written into {folder}")
    return "a file of this machine that everybody may read and write was neither seen nor reached"


def _writable(bench: _Bench) -> str:
    found: list[str] = bench.run(CURIOUS).call("writable")
    _expect(set(found) <= _WRITABLE, f"these can be written too: {', '.join(sorted(set(found) - _WRITABLE))}")
    return f"only {', '.join(sorted(found))} can be written, all of them in memory"


def _privileges(bench: _Bench) -> str:
    status = bench.run(CURIOUS).call("status")
    held = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[name], 16)}
    _expect(not held, f"it has capabilities: {held}")
    _expect(status["NoNewPrivs"] == "1", "it can gain privileges: no_new_privs is not set")
    _expect("0" not in status["Uid"].split(), "it runs as root")
    return f"user {status['Uid'].split()[0]}, no capability, no_new_privs"


def _system_calls(bench: _Bench) -> str:
    caller = bench.run(CURIOUS)
    names = ("unshare", "keyctl", "io_uring_setup", "ptrace", "mount", "shmget", "userfaultfd", "bpf", "setns")
    numbers = system_call_numbers(*names)
    if not numbers:
        raise Unproven(f"the numbers of system calls on {platform.machine()} are not known")
    mode = caller.call("status").get("Seccomp", "2")  # gVisor does not say
    _expect(mode == "2", f"there is no filter: seccomp mode {mode}")
    answers: dict[str, int] = caller.call("system_calls", numbers)
    through = [name for name, answer in answers.items() if answer not in _REFUSED]
    _expect(not through, f"not refused: {', '.join(through)}")
    netlink, packet, algorithms, machines = 16, 17, 38, 40
    families = caller.call("families", [netlink, packet, algorithms, machines])
    _expect(not families, f"sockets of these families can be made: {families}")
    return f"seccomp mode {mode}; refused: {', '.join(names)}, unusual sockets"


def _network(bench: _Bench) -> str:
    caller = bench.run(CURIOUS)
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        addresses = ["127.0.0.1", "172.17.0.1", "169.254.169.254", *_own_addresses()]
        reached = caller.call("connect", [[host, port] for host in addresses], timeout=30.0)
    _expect(not reached, f"these addresses were reached: {', '.join(reached)}")
    interfaces = set(caller.call("interfaces"))
    _expect(interfaces <= {"lo"}, f"it has these interfaces: {', '.join(sorted(interfaces))}")
    return f"{len(addresses)} addresses tried, a server of this machine's among them; no interface but a loopback"


def _own_addresses() -> list[str]:
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    except OSError:
        return []


def _processes(bench: _Bench) -> str:
    marker = secrets.token_hex(8)
    environment = {"EVOLVE_CANARY_KEY": marker, "PATH": os.defpath}
    with subprocess.Popen([marker, "300"], executable="/bin/sleep", env=environment) as other:
        try:
            caller = bench.run(CURIOUS)
            _expect(marker not in str(caller.call("command_lines")), "a process of this machine was seen")
            _expect(other.pid < 100 or not caller.call("signal_zero", other.pid), "a process could be signalled")
        finally:
            other.kill()
    return "a process of this machine was neither seen nor signalled"


def _environment(bench: _Bench) -> str:
    seen = bench.run(ORDINARY).call("environment")
    _expect(bench.key not in str(seen), "a variable of the engine's was seen")
    return f"{len(seen)} variables, none of the engine's"


def _kernel(bench: _Bench) -> str:
    release = str(bench.run(CURIOUS).call("kernel"))
    _expect(release != os.uname().release, f"it is this machine's: {release}")
    return f"{release}, and this machine's is {os.uname().release}"


def _memory(bench: _Bench) -> str:
    caller = bench.run(ORDINARY)
    try:
        caller.call("take", 4 * LIMITS.memory_bytes)
    except Stopped as stopped:
        _expect(stopped.kind == "memory", f"stopped for another reason: {stopped}")
        return f"{4 * LIMITS.memory_bytes // _MIB} MiB asked for, and stopped for memory"
    raise Broken(f"{4 * LIMITS.memory_bytes // _MIB} MiB were given, with a limit of {LIMITS.memory_bytes // _MIB}")


def _tree_memory(bench: _Bench) -> str:
    """What the kernel itself says of the control group is no flag: engines that ignore limits never set it."""
    bound = Bounds.of(LIMITS).memory_bytes
    shown = _memory_of_group(bench)
    _expect(shown is None or shown < _UNLIMITED, "the kernel knows of no limit: the engine takes it and ignores it")
    _expect(shown is None or shown <= bound, f"the kernel's limit is {shown} bytes, not {bound}")
    group = f"the kernel's own limit is {bound // _MIB} MiB"
    if shown is not None and bench.quick:
        return group
    try:
        codes = bench.run(GREEDY).call("share", 6, 96 * _MIB)
    except Stopped as stopped:
        _expect(stopped.kind == "memory" or "unavailable" in str(stopped), f"stopped for another reason: {stopped}")
    else:
        _expect(any(codes), f"six processes took 576 MiB, with a limit of {LIMITS.memory_bytes // _MIB}")
    return "six processes that take 96 MiB each were stopped" + (f", and {group}" if shown is not None else "")


def _memory_of_group(bench: _Bench) -> int | None:
    """The smallest limit of the control groups that can be seen inside, in bytes; None when none can be seen."""
    told = bench.run(CURIOUS).call("limits_of_group")["memory"]
    return min(map(int, told), default=None)


def _tree_count(bench: _Bench) -> str:
    try:
        bench.run(GREEDY).call("fork", 200)
    except Stopped as stopped:
        started = stopped.output.count("started")
        _expect(
            started <= LIMITS.processes + 16, f"{started} of 200 processes started, the limit is {LIMITS.processes}"
        )
        return f"{started} of 200 processes started at once, the limit is {LIMITS.processes} and those of the harness"
    raise Unproven("the canary did not say how many it had started")


def _disk(bench: _Bench) -> str:
    written = bench.run(GREEDY).call("fill", 64 * _MIB, timeout=60.0)
    bound = LIMITS.disk_bytes + SHARED_BYTES
    _expect(written <= bound, f"{written // _MIB} MiB could be written, the limit is {bound // _MIB}")
    return f"{written // _MIB} MiB could be written in all, the limit is {bound // _MIB} with shared memory"


def _inodes(bench: _Bench) -> str:
    made, error = bench.run(GREEDY).call("inodes", 100_000, timeout=60.0)
    if error:
        return f"{made} files could be made, then: {error}"
    _expect(_memory_of_group(bench) is not None, f"{made} empty files could be made, and nothing limits their number")
    try:
        bench.run(GREEDY).call("inodes", 2_000_000, timeout=60.0)
    except Stopped as stopped:
        _expect(stopped.kind == "memory", f"stopped for another reason: {stopped}")
    except SandboxFault:
        bench.renew()
    else:
        raise Broken("two million empty files could be made")
    return "of two million files many could be made, until they took more memory than the whole session may have"


def _open_files(bench: _Bench) -> str:
    opened = bench.run(GREEDY).call("open_files", 100_000)
    _expect(opened <= LIMITS.open_files, f"{opened} files could be open at a time, the limit is {LIMITS.open_files}")
    return f"{opened} could be open at a time, the limit is {LIMITS.open_files}"


def _clock(bench: _Bench) -> str:
    return _stopped_in_time(bench, timeout=0.5, cpu=None)


def _cpu(bench: _Bench) -> str:
    return _stopped_in_time(bench, timeout=20.0, cpu=0.5)


def _stopped_in_time(bench: _Bench, *, timeout: float, cpu: float | None) -> str:
    start = time.monotonic()
    try:
        bench.run(ORDINARY).call("spin", timeout=timeout, cpu=cpu)
    except Stopped as stopped:
        seconds = time.monotonic() - start
        _expect(stopped.kind == "timeout", f"stopped for another reason: {stopped}")
        _expect(seconds < 60, f"a loop was stopped only after {seconds:.1f} s")
        return f"a loop that ignores SIGTERM was stopped after {seconds:.1f} s, the limit was 0.5"
    raise Broken("a loop without end ended")


def _output(bench: _Bench) -> str:
    printed = bench.run(ORDINARY).run(["head", "-c", "4000000", "/dev/zero"])
    kept = len(printed.buffers[0])
    _expect(kept <= LIMITS.output_bytes, f"{kept} bytes were kept, the limit is {LIMITS.output_bytes}")
    _expect(printed.head["cut"][0], "it was cut and not said to be")
    return f"of 4000000 bytes {kept} were kept, and said to be cut"


def _tree_killed(bench: _Bench) -> str:
    marker = secrets.token_hex(8)
    if not bench.run(ORDINARY).call("daemon", marker):
        return "a candidate can start no process at all"
    there = bool(running(marker))
    bench.renew()
    if not there:
        raise Unproven("its processes cannot be seen from here: it runs on another machine")
    start = time.monotonic()
    while running(marker):
        _expect(time.monotonic() - start < _SOON, f"a daemon still runs {_SOON:g} s after its session was closed")
        time.sleep(0.02)
    return "a daemon was gone when its session was closed"


_FIRST = {"files of this machine", "folders that can be written", "privileges", "processes of this machine"}
"""What must hold before a canary is let loose that does harm."""

_CANARIES: tuple[tuple[str, tuple[Guarantee, ...], bool, Callable[[_Bench], str]], ...] = (
    ("files of this machine", (Guarantee.FILES,), True, _files),
    ("folders that can be written", (Guarantee.FILES,), True, _writable),
    ("privileges", (Guarantee.FILES,), True, _privileges),
    ("processes of this machine", (Guarantee.PROCESSES,), True, _processes),
    ("environment", (), True, _environment),
    ("network", (Guarantee.NETWORK,), True, _network),
    ("system calls", (Guarantee.SYSTEM_CALLS,), True, _system_calls),
    ("a kernel of its own", (Guarantee.KERNEL,), True, _kernel),
    ("memory of a process", (), False, _memory),
    ("memory of all processes", (Guarantee.TREE_MEMORY, Guarantee.TREE_COUNT), True, _tree_memory),
    ("number of processes", (Guarantee.TREE_COUNT,), True, _tree_count),
    ("disk space", (Guarantee.DISK,), True, _disk),
    ("number of files", (Guarantee.DISK,), False, _inodes),
    ("open files", (), False, _open_files),
    ("time by the clock", (), False, _clock),
    ("processor time", (), False, _cpu),
    ("output", (), False, _output),
    ("the tree is killed at the end", (), False, _tree_killed),
)
