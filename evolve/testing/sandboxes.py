"""What any sandbox must do: a suite for authors of sandboxes, and the proof of what each guarantee means.

    class TestMine(SandboxSuite):
        def make(self) -> Sandbox:
            return MySandbox()

What a sandbox lists in its attribute `missing` is skipped, and the reason of the skip is the weakness. Programs that do
harm start only where the sandbox promises to stop them, and are bounded even so: 200 processes, some hundred megabytes.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.frames import Frame
from evolve.sandboxes.canaries import CURIOUS, GREEDY, LIMITS, ORDINARY, system_call_numbers
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.testing.gateways import GatewaySuite
from evolve.testing.sessions import Caller, Stopped, running, until
from evolve.types import Sandbox, Session

__all__ = ["SandboxSuite", "available"]

_MIB = 2**20

_EVALUATOR = """
def evaluate(program):
    return 42.0
"""


S = TypeVar("S", bound=Sandbox)


def available(make: Callable[[], S]) -> S:
    """A sandbox, when a session of one could be opened. Else the test is skipped, or fails where CI=true."""
    problem = _problem(make)
    if problem and os.environ.get("CI") == "true":
        raise SandboxUnavailable(problem)
    if problem:
        pytest.skip(problem)
    return make()


@cache
def _problem(make: Callable[[], Sandbox]) -> str:
    """Why no session opens, tried once for each way of making a sandbox; empty when one does."""
    try:
        sandbox = make()
        try:
            sandbox.open("candidate", LIMITS).close()
        finally:
            sandbox.close()
    except SandboxUnavailable as error:
        return str(error)
    return ""


class SandboxSuite(GatewaySuite):
    """Tests for one sandbox; see the module. The class is made anew for each test, so `make` must not need state."""

    def make(self) -> Sandbox:
        """The sandbox to be tested, perhaps through `available`."""
        raise NotImplementedError

    @pytest.fixture
    def sandbox(self) -> Iterator[Sandbox]:
        """Made for a test, closed after it."""
        made = self.make()
        yield made
        made.close()

    @pytest.fixture
    def session(self, sandbox: Sandbox) -> Iterator[Session]:
        """A candidate's session with small limits."""
        opened = sandbox.open("candidate", LIMITS)
        yield opened
        opened.close()

    @staticmethod
    def promised(sandbox: Sandbox, *guarantees: Guarantee) -> None:
        """Skip the test when the sandbox does not promise what it is about."""
        for guarantee in guarantees:
            if guarantee in missing(sandbox):
                pytest.skip(f"the {sandbox.name} sandbox does not protect from {guarantee.value}")

    # what every sandbox does

    def test_it_says_who_it_is(self, sandbox: Sandbox) -> None:
        """It has a name, and a sentence for each thing that it does not protect from."""
        assert sandbox.name
        assert len(sandbox.weaknesses) >= bool(missing(sandbox))
        assert all(weakness.endswith(".") for weakness in sandbox.weaknesses)

    def test_values_cross(self, session: Session) -> None:
        """A call takes plain data in and brings plain data back."""
        value = {"numbers": [1, 2.5, -3], "text": "å∞", "none": None, "bytes": b"\0\xff", "deep": [[[True]]]}
        assert Caller(session, ORDINARY).call("echo", value) == value

    def test_big_values_cross(self, session: Session) -> None:
        """Eight megabytes arrive as they were sent, in both directions."""
        value = secrets.token_bytes(8 * _MIB)
        assert Caller(session, ORDINARY).call("echo", value) == value

    def test_an_evaluator_is_served_too(self, sandbox: Sandbox) -> None:
        """The evaluator's role works as the candidate's does."""
        session = sandbox.open("evaluator", LIMITS)
        try:
            files = [["evaluate.py", False, False]]
            head = {
                "op": "load",
                "entry": "evaluate.py",
                "more": False,
                "thresholds": [],
                "minimize": False,
                "files": files,
            }
            session.send(Frame(head, (_EVALUATOR.encode(),)))
            assert session.receive(300).head.get("problem") is None
            session.send(Frame({"op": "evaluate", "split": "search", "seed": 0, "stage": None, "nonce": "n"}))
            answer = session.receive(300)
            assert (answer.head["op"], answer.head["nonce"], answer.buffers[0]) == ("result", "n", b"42.0")
        finally:
            session.close()

    def test_the_environment_is_clean(self, sandbox: Sandbox) -> None:
        """No variable of the engine's reaches a candidate."""
        key = secrets.token_hex(8)
        os.environ["EVOLVE_TEST_KEY"] = key
        try:
            session = sandbox.open("candidate", LIMITS)
        finally:
            del os.environ["EVOLVE_TEST_KEY"]
        try:
            seen = Caller(session, ORDINARY).call("environment")
        finally:
            session.close()
        assert key not in str(seen)
        assert seen["PATH"]

    def test_time_is_limited(self, session: Session) -> None:
        """A loop that ignores SIGTERM is stopped, and the next program runs."""
        caller = Caller(session, ORDINARY)
        with pytest.raises(Stopped) as stopped:
            caller.call("spin", timeout=0.5)
        assert stopped.value.kind == "timeout"
        caller.load(ORDINARY)
        assert caller.call("echo", 1) == 1

    def test_memory_of_a_process_is_limited(self, session: Session) -> None:
        """Who asks for four times the limit does not get it, and the next program runs."""
        caller = Caller(session, ORDINARY)
        with pytest.raises(Stopped) as stopped:
            caller.call("take", 4 * LIMITS.memory_bytes)
        assert stopped.value.kind == "memory"
        caller.load(ORDINARY)
        assert caller.call("take", LIMITS.memory_bytes // 4) == LIMITS.memory_bytes // 4

    def test_output_is_cut(self, session: Session) -> None:
        """64 MB on standard output neither block the program nor arrive."""
        caller = Caller(session, ORDINARY)
        assert caller.call("flood", 64 * _MIB, timeout=300.0) == 64 * _MIB
        printed = caller.run(["head", "-c", "4000000", "/dev/zero"])
        assert len(printed.buffers[0]) == LIMITS.output_bytes
        assert printed.head["cut"] == [True, False]

    def test_closing_kills_the_whole_tree(self, session: Session) -> None:
        """Daemons too, that no process group or session of the harness's holds."""
        marker = secrets.token_hex(8)
        if not Caller(session, ORDINARY).call("daemon", marker):
            pytest.skip("the sandbox lets a candidate start no process")
        if not running(marker):
            pytest.skip("the sandbox runs on another machine, whose processes cannot be seen from here")
        session.close()
        assert until(lambda: not running(marker), 60)

    def test_a_session_outlives_the_thread_that_opened_it(self, sandbox: Sandbox) -> None:
        """Sessions are opened on threads of a pool, which come and go."""
        opened: list[Session] = []
        thread = threading.Thread(target=lambda: opened.append(sandbox.open("candidate", LIMITS)))
        thread.start()
        thread.join()
        try:
            with pytest.raises(TimeoutError):
                opened[0].receive(0.5)
            assert Caller(opened[0], ORDINARY).call("echo", 1) == 1
        finally:
            opened[0].close()

    def test_a_closed_session_refuses(self, session: Session) -> None:
        """It may be closed twice, and is a fault to use afterwards."""
        session.close()
        session.close()
        with pytest.raises(SandboxFault):
            session.send(Frame({"op": "end"}))

    def test_closing_wakes_who_waits(self, session: Session) -> None:
        """A thread that waits for an answer gets a fault soon, instead of waiting on."""
        waiting: list[BaseException] = []

        def wait() -> None:
            try:
                session.receive(300)
            except SandboxFault as fault:
                waiting.append(fault)

        thread = threading.Thread(target=wait)
        thread.start()
        session.close()
        thread.join(120)
        assert len(waiting) == 1

    def test_a_harness_that_ends_is_a_fault(self, session: Session) -> None:
        """With its last words, since nobody else can know what went wrong."""
        session.send(Frame({"op": "no such request"}))
        with pytest.raises(SandboxFault, match="no such request"):
            session.receive(300)

    def test_closing_the_sandbox_closes_its_sessions(self) -> None:
        """Nothing is left that somebody forgot to close."""
        sandbox = self.make()
        session = sandbox.open("candidate", LIMITS)
        sandbox.close()
        with pytest.raises(SandboxFault):
            session.send(Frame({"op": "end"}))

    def test_nothing_is_opened_in_a_sandbox_that_is_closed(self) -> None:
        """Threads that are opening sessions just then get a fault, or a session that is closed when the sandbox is."""
        sandbox = self.make()
        opened: list[Session] = []
        refused: list[SandboxFault] = []
        closed = threading.Event()

        def work() -> None:
            try:
                for number in range(5):
                    if number == 4:
                        closed.wait()
                    opened.append(sandbox.open("candidate", LIMITS))
            except SandboxFault as fault:
                refused.append(fault)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            assert until(lambda: bool(opened), 60)
        finally:
            sandbox.close()
            closed.set()
            for thread in threads:
                thread.join()
        try:
            assert len(refused) == len(threads)
            for session in opened:
                with pytest.raises(SandboxFault):
                    session.send(Frame({"op": "end"}))
        finally:
            for session in opened:
                session.close()

    def test_nothing_outlives_a_killed_engine(self) -> None:
        """An engine that is killed leaves nothing running, whatever the candidate does about it."""
        probe = self.make()
        program = "outlive" if Guarantee.ORPHANS not in missing(probe) else "daemon"
        probe.close()
        marker = secrets.token_hex(8)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        engine = context.Process(target=_engine, args=(self.make, program, marker, theirs))
        engine.start()
        try:
            theirs.close()
            assert ours.recv() == "calling"
            if not until(lambda: bool(running(marker)), 120):
                pytest.skip("the sandbox runs on another machine, whose processes cannot be seen from here")
        finally:
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)
            engine.join()
        assert until(lambda: not running(marker), 60)

    # what isolates

    def test_files_of_the_machine_are_out_of_reach(self, sandbox: Sandbox, session: Session) -> None:
        """They can neither be read, by any way around, nor written, although every user may."""
        self.promised(sandbox, Guarantee.FILES)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o777)
            secret = folder / "secret.txt"
            secret.write_text("a secret", encoding="utf-8")
            caller = Caller(session, CURIOUS)
            assert caller.call("see", str(secret)) == {"exists": False, "names": []}
            caller.call("plant", str(folder / "planted.txt"))
            assert [path.name for path in folder.iterdir()] == ["secret.txt"]

    def test_the_root_is_read_only(self, sandbox: Sandbox, session: Session) -> None:
        """Only the folders that are bounded can be written."""
        self.promised(sandbox, Guarantee.FILES)
        caller = Caller(session, CURIOUS)
        for place in ("/planted", "/usr/planted", "/etc/planted", "/dev/planted", "/evolve/harness/planted"):
            assert caller.call("plant", place) != "written"

    def test_it_runs_as_nobody(self, sandbox: Sandbox, session: Session) -> None:
        """Not as root, without a capability, and with no way to gain one."""
        self.promised(sandbox, Guarantee.FILES)
        status = Caller(session, CURIOUS).call("status")
        assert "0" not in status["Uid"].split()
        assert status["NoNewPrivs"] == "1"
        assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}

    def test_there_is_no_network(self, sandbox: Sandbox, session: Session) -> None:
        """A server on this machine is reached by no address, and there is no interface but a loopback of its own."""
        self.promised(sandbox, Guarantee.NETWORK)
        with socket.create_server(("", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            addresses = {"127.0.0.1", "172.17.0.1", "169.254.169.254", *_addresses()}
            caller = Caller(session, CURIOUS)
            assert caller.call("connect", [[host, port] for host in addresses], timeout=30.0) == []
        assert set(caller.call("interfaces")) <= {"lo"}

    def test_processes_of_the_machine_are_out_of_reach(self, sandbox: Sandbox, session: Session) -> None:
        """They cannot be seen (with their command lines and keys) nor signalled."""
        self.promised(sandbox, Guarantee.PROCESSES)
        marker = secrets.token_hex(8)
        environment = {"EVOLVE_TEST_KEY": marker, "PATH": os.defpath}
        with subprocess.Popen([marker, "300"], executable="/bin/sleep", env=environment) as other:
            try:
                caller = Caller(session, CURIOUS)
                assert marker not in str(caller.call("command_lines"))
                assert other.pid < 100 or not caller.call("signal_zero", other.pid)
            finally:
                other.kill()

    def test_the_harness_cannot_be_ended_from_inside(self, sandbox: Sandbox, session: Session) -> None:
        """By no signal: a program would otherwise decide that it was the sandbox that failed."""
        self.promised(sandbox, Guarantee.PROCESSES)
        caller = Caller(session, CURIOUS)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGSTOP, signal.SIGKILL):
            caller.call("signal_first", number)
        assert caller.call("status")

    def test_sessions_are_apart(self, sandbox: Sandbox) -> None:
        """One sees neither the other's files nor its processes."""
        self.promised(sandbox, Guarantee.FILES, Guarantee.PROCESSES)
        name = secrets.token_hex(8)
        one, other = (sandbox.open("candidate", LIMITS) for _ in range(2))
        try:
            first = Caller(one, CURIOUS + ORDINARY)
            first.call("daemon", name)
            first.call("leave", name)
            assert first.call("find", name) != []
            second = Caller(other, CURIOUS)
            assert second.call("find", name) == []
            assert name not in str(second.call("command_lines"))
        finally:
            one.close()
            other.close()

    def test_system_calls_without_an_honest_use_are_refused(self, sandbox: Sandbox, session: Session) -> None:
        """Namespaces, keys, io_uring, tracing, mounts, System V memory, and unusual sockets."""
        self.promised(sandbox, Guarantee.SYSTEM_CALLS)
        names = ("unshare", "keyctl", "io_uring_setup", "ptrace", "mount", "shmget", "userfaultfd", "bpf", "setns")
        wanted = system_call_numbers(*names)
        if not wanted:
            pytest.skip(f"the numbers of system calls on {platform.machine()} are not known")
        caller = Caller(session, CURIOUS)
        assert set(caller.call("system_calls", wanted).values()) <= {1, 38}  # EPERM, ENOSYS
        netlink, packet, alg, vsock = 16, 17, 38, 40
        assert caller.call("families", [netlink, packet, alg, vsock]) == []

    # what bounds the whole tree

    def test_memory_of_the_tree_is_limited(self, sandbox: Sandbox, session: Session) -> None:
        """Processes that take too much together are stopped for memory, and the next program runs."""
        self.promised(sandbox, Guarantee.TREE_MEMORY, Guarantee.TREE_COUNT)
        caller = Caller(session, GREEDY)
        with pytest.raises(Stopped) as stopped:
            caller.call("share", 6, 96 * _MIB)
        assert stopped.value.kind == "memory" or "unavailable" in str(stopped.value)
        caller.load(ORDINARY)
        assert caller.call("echo", 1) == 1

    def test_the_number_of_processes_is_limited(self, sandbox: Sandbox, session: Session) -> None:
        """A program that forks without end gets few, even before the harness looks, and the next program runs."""
        self.promised(sandbox, Guarantee.TREE_COUNT)
        caller = Caller(session, GREEDY)
        with pytest.raises(Stopped) as stopped:
            caller.call("fork", 200)
        started = [line for line in stopped.value.output.splitlines() if line.startswith("started")]
        assert len(started) <= LIMITS.processes + 16
        caller.load(ORDINARY)
        assert caller.call("echo", 1) == 1

    def test_disk_is_limited(self, sandbox: Sandbox, session: Session) -> None:
        """All files together, in all folders that can be written, stay below the limit; the next program has room."""
        self.promised(sandbox, Guarantee.DISK)
        caller = Caller(session, GREEDY)
        written = caller.call("fill", 64 * _MIB, timeout=300.0)
        assert written <= LIMITS.disk_bytes + 16 * _MIB  # shared memory has a bound of its own
        caller.load(ORDINARY)
        assert caller.call("echo", 1) == 1


def _engine(make: Callable[[], Sandbox], function: str, marker: str, told: Connection) -> NoReturn:
    """An engine that will be killed while its candidate runs."""
    caller = Caller(make().open("candidate", LIMITS), GREEDY + ORDINARY)
    told.send("calling")
    caller.call(function, marker, timeout=300.0)
    while True:
        signal.pause()


def _addresses() -> list[str]:
    """Addresses by which this machine may reach itself."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    except OSError:
        return []
