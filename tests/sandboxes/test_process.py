"""The process sandbox: what is particular to it. What it shares with the others is in the conformance suite."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evolve.errors import SandboxFault
from evolve.frames import Frame, pack, unpack
from evolve.sandboxes import harness
from evolve.sandboxes.process import ProcessSandbox
from evolve.types import Limits, Sandbox, Session


@pytest.fixture
def sandbox() -> Iterator[ProcessSandbox]:
    """Closed afterwards, with nothing left of its sessions; those of others in this process are theirs."""
    before = {path.name for path in harness.home().iterdir()}
    made = ProcessSandbox()
    yield made
    made.close()
    assert {path.name for path in harness.home().iterdir()} <= {"harness", "lock"} | before


def _ask(session: Session, frame: Frame) -> Frame:
    session.send(frame)
    return session.receive(60)


def _call(session: Session, source: str) -> Any:
    """What `f()` of the program returns."""
    files = [["program.py", False, False]]
    session.send(Frame({"op": "load", "files": files, "module": "program"}, (source.encode(),)))
    head = {"op": "call", "function": "f", "map": False, "timeout": 20.0, "cpu": None}
    answer = _ask(session, Frame(head, pack([])))
    assert answer.head["op"] == "done", answer
    return unpack(*answer.buffers)


def test_it_is_a_sandbox_that_admits_its_weaknesses(sandbox: ProcessSandbox) -> None:
    """Plainly, in sentences."""
    plain: Sandbox = sandbox
    assert plain.name == "process"
    assert any("reads every file that you can read" in weakness for weakness in plain.weaknesses)
    assert all(weakness.endswith(".") for weakness in plain.weaknesses)


def test_a_candidate_is_in_a_session_of_its_own_with_limits(sandbox: ProcessSandbox) -> None:
    """So no signal of a terminal reaches it, and the kernel holds the limits."""
    source = """
import os, resource
def f():
    names = ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_DATA")
    return [os.getsid(0), os.getpid(), [resource.getrlimit(getattr(resource, name)) for name in names]]
"""
    limits = Limits(memory_bytes=300 * 2**20, disk_bytes=5 * 2**20, open_files=40)
    session, pid, found = _call(sandbox.open("candidate", limits), source)
    assert session == pid != os.getsid(0)
    assert found[:3] == [[value, value] for value in (0, 5 * 2**20, 40)]
    memory, most = found[3]
    assert 300 * 2**20 <= memory == most < 364 * 2**20  # beyond what the interpreter itself came with


def test_a_file_over_the_limit_cannot_be_written(sandbox: ProcessSandbox) -> None:
    """The program is told by its operating system."""
    source = """
def f():
    try:
        with open("x", "wb") as file:
            file.write(bytes(2**21))
    except OSError as error:
        return error.strerror
"""
    assert _call(sandbox.open("candidate", Limits(disk_bytes=2**20)), source) == "File too large"


def test_closing_the_sandbox_closes_its_sessions(sandbox: ProcessSandbox) -> None:
    """And all that runs in them."""
    session = sandbox.open("candidate", Limits())
    pid = _call(
        session, "import subprocess\ndef f(): return subprocess.Popen(['sleep', '60'], start_new_session=True).pid"
    )
    sandbox.close()
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(SandboxFault):
        session.receive(1)


def test_a_thread_may_open_a_session_and_end(sandbox: ProcessSandbox) -> None:
    """The harness does not die with it: a pool's thread is not the engine."""
    sessions: list[Session] = []
    thread = threading.Thread(target=lambda: sessions.append(sandbox.open("candidate", Limits())))
    thread.start()
    thread.join()
    time.sleep(0.1)  # in which a harness that dies with the thread would do so
    assert _call(sessions[0], "def f(): return 1") == 1


def test_an_interpreter_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """It names it; and nothing is left of the attempt."""
    harness.directory()
    before = set(harness.home().iterdir())
    sandbox = ProcessSandbox(str(tmp_path / "python"))
    with pytest.raises(SandboxFault, match=r"cannot start .*/python: No such file"):
        sandbox.open("candidate", Limits())
    assert set(harness.home().iterdir()) <= before


def test_what_cannot_be_asked_for_leaves_nothing(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    """Before anything is started; the fixture looks."""
    with pytest.raises(ValueError, match="a gateway is for a candidate"):
        sandbox.open("evaluator", Limits(), gateway=tmp_path / "gateway.sock")


def test_the_interpreter_is_the_engine_s(sandbox: ProcessSandbox) -> None:
    """With the packages of its environment, and under its name on PATH."""
    source = """
import shutil, sys, numpy
def f(): return [sys.prefix, shutil.which("python") is not None]
"""
    assert _call(sandbox.open("candidate", Limits()), source) == [sys.prefix, True]


def test_programs_follow_one_another_in_a_session(sandbox: ProcessSandbox) -> None:
    """With nothing of the one before."""
    session = sandbox.open("candidate", Limits())
    for number in range(5):
        source = (
            f"import builtins\nbuiltins.seen = getattr(builtins, 'seen', {number})\ndef f(): return builtins.seen\n"
        )
        assert _call(session, source) == number
    took = _ask(session, Frame({"op": "end"})).head
    assert took["cpu_seconds"] > 0
    assert took["memory_bytes"] > 2**20
