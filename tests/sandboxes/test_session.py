"""A session over pipes: frames both ways, limits, and the end of the other side."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolve import frames
from evolve.errors import SandboxFault
from evolve.frames import Frame
from evolve.sandboxes.session import Channel, PipeSession
from evolve.types import Limits

Start = Callable[..., PipeSession]

HEAD = f"""
import os, signal, sys, time
sys.path.insert(0, {str(Path(frames.__file__).parent)!r})
import frames
from frames import Frame
def hear():
    return frames.read(0, 2**32)
def say(frame):
    frames.write(1, frame)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """A session with a child that runs this code; `hear()` and `say(frame)` are its ends."""
    sessions: list[PipeSession] = []

    def session(code: str, limits: Limits = Limits(), **options: float) -> PipeSession:  # noqa: B008
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        sessions.append(PipeSession(process, limits, **options))  # type: ignore[arg-type]  # grace alone is a number
        return sessions[-1]

    yield session
    for each in sessions:
        each.close()


def test_frames_go_both_ways(start: Start) -> None:
    """What was sent comes back."""
    session = start("say(hear())")
    frame = Frame({"a": 1}, (b"x", b""))
    session.send(frame)
    assert session.receive(120) == frame


def test_large_frames_both_ways_at_once_wait_for_nobody(start: Start) -> None:
    """The child sends 8 MB before it reads, and floods standard error, while it is sent 8 MB."""
    session = start("os.write(2, bytes(2**20)); say(Frame({}, (bytes(2**23),))); say(hear())")
    large = Frame({"n": 2}, (b"7" * 2**23,))
    session.send(large)
    assert session.receive(120) == Frame({}, (bytes(2**23),))
    assert session.receive(120) == large


def test_a_timeout_is_no_end(start: Start) -> None:
    """The frame that was late can still be received."""
    session = start("hear(); say(Frame({'late': True}))")
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        session.receive(0.05)
    session.send(Frame({}))
    assert session.receive(120).head == {"late": True}


def test_the_end_of_the_harness_is_a_fault_with_its_last_words(start: Start) -> None:
    """Whoever reads the error sees why."""
    session = start("sys.exit('the reason')")
    with pytest.raises(SandboxFault, match="the harness ended; its last words: the reason"):
        session.receive(120)
    with pytest.raises(SandboxFault):
        session.send(Frame({}, (bytes(2**20),)))


def test_frames_before_the_end_are_received(start: Start) -> None:
    """The stream ends after them."""
    session = start("say(Frame({'a': 1})); say(Frame({'a': 2}))")
    assert [session.receive(120).head["a"] for _ in range(2)] == [1, 2]
    with pytest.raises(SandboxFault, match="ended"):
        session.receive(120)


def test_a_frame_over_the_limit_is_a_fault(start: Start) -> None:
    """However much it promises."""
    session = start("os.write(1, b'\\xff' * 100); time.sleep(600)", Limits(reply_bytes=1000))
    with pytest.raises(SandboxFault, match="4294967295"):
        session.receive(120)


def test_garbage_is_a_fault(start: Start) -> None:
    """What is no frame ends the conversation."""
    session = start("os.write(1, bytes([0, 0, 0, 9]) + b'123456789'); time.sleep(600)")
    with pytest.raises(SandboxFault, match="frame"):
        session.receive(120)


def test_standard_error_is_kept_to_a_bound(start: Start) -> None:
    """100 MB of it neither fill the memory nor block the child, and the end is what is kept."""
    session = start("[os.write(2, b'.' * 2**20) for _ in range(100)]; os.write(2, b'the end'); say(Frame({'ok': 1}))")
    assert session.receive(300).head == {"ok": 1}
    with pytest.raises(SandboxFault, match="the end"):
        session.receive(120)
    assert len(session.words) <= 2**16
    assert session.words.endswith("the end")


def test_closing_ends_the_wait_of_another_thread(start: Start) -> None:
    """It gets a fault, soon, and the child is gone."""
    session = start("print('ready', file=sys.stderr, flush=True); time.sleep(600)")
    faults: list[BaseException] = []

    def wait() -> None:
        try:
            session.receive(300)
        except SandboxFault as fault:
            faults.append(fault)

    thread = threading.Thread(target=wait)
    thread.start()
    while "ready" not in session.words:
        time.sleep(0.01)
    session.close()
    thread.join(60)
    assert len(faults) == 1
    with pytest.raises(SandboxFault, match="closed"):
        session.receive(1)


def test_a_child_that_ignores_the_request_to_end_is_killed(start: Start) -> None:
    """After the grace it was given."""
    session = start("signal.signal(15, signal.SIG_IGN); say(Frame({'pid': os.getpid()})); time.sleep(600)", grace=0.2)
    pid = session.receive(120).head["pid"]
    session.close()
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_peer_that_does_not_read_is_a_fault() -> None:
    """A send does not wait for ever."""
    reader, writer = os.pipe()
    silent, other = os.pipe()
    channel = Channel(writer, silent, limit=1000, patience=0.1)
    try:
        with pytest.raises(SandboxFault, match=r"has read nothing for 0\.1 s"):
            channel.send(Frame({}, (bytes(2**20),)))
    finally:
        for descriptor in (reader, writer, silent, other):
            os.close(descriptor)


def test_a_stream_that_carries_both_is_taken_apart() -> None:
    """`unwrap` says which part of what was read is frames and which is standard error."""
    reader, writer = os.pipe()
    channel = Channel(writer, reader, limit=1000, unwrap=lambda data: (data[2:], data[:2]))
    try:
        os.write(writer, b"hi" + frames.encode(Frame({"a": 1})))
        assert channel.receive(60) == Frame({"a": 1})
        assert channel.words == "hi"
    finally:
        os.close(reader)
        os.close(writer)
