"""A session over a byte stream: frames one way and the other, with timeouts, limits and the harness's last words."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable

from evolve.errors import SandboxFault
from evolve.frames import Frame, FrameError, Incoming, encode
from evolve.types import Limits

__all__ = ["Channel", "PipeSession", "Unwrap", "frame_limit"]

Unwrap = Callable[[bytes], tuple[bytes, bytes]]
"""Takes what was read, gives back what of it is frames and what is standard error, for streams that carry both."""

_CHUNK, _MORE = 2**16, 2**20  # bytes that are read at once, at first and when a frame is longer
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of fcntl(2), which Python knows on Linux alone
_WORDS = 2**16  # how much of standard error is kept
_GLANCE = 1.0  # how often a wait looks whether it was cancelled, in seconds
_POLL_OUT, _POLL_IN = select.POLLOUT, select.POLLIN | select.POLLHUP


def frame_limit(limits: Limits) -> int:
    """The longest frame a harness may send, in bytes: a reply, what was printed, and room for the head."""
    return limits.reply_bytes + 2 * limits.output_bytes + 2**20


class Channel:
    """Frames over descriptors, which become non-blocking and stay their owner's to close. Used by one thread at a time.

    `out` and `into` may be the same (a socket). `errors` is the harness's standard error: it is read whenever the
    channel waits, and its end is kept for `words`. `unwrap` takes standard error out of a stream in which it is mixed.
    """

    def __init__(
        self,
        out: int,
        into: int,
        *,
        limit: int,
        errors: int | None = None,
        unwrap: Unwrap | None = None,
        patience: float = 60.0,
    ) -> None:
        self._out, self._into, self._errors, self._unwrap = out, into, errors, unwrap
        self._incoming = Incoming(limit)
        self._limit = limit
        self._patience = patience
        self._words = b""
        self._ended = False
        self._cancelled = False
        for descriptor in {out, into, errors} - {None}:
            assert descriptor is not None
            os.set_blocking(descriptor, False)
        for descriptor in (out, into):
            with contextlib.suppress(OSError):  # no pipe, or past what the user may have: slower, no worse
                fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _MORE)

    @property
    def words(self) -> str:
        """The end of what came on standard error, at most 64 KiB."""
        return self._words.decode(errors="replace")

    def cancel(self) -> None:
        """End a wait on another thread, within a second, with a `SandboxFault`."""
        self._cancelled = True

    def send(self, frame: Frame) -> None:
        """Write a frame, reading what comes meanwhile so that neither side waits for the other.

        Raises `SandboxFault` when the other side is gone, or reads nothing for `patience` seconds.
        """
        rest = memoryview(encode(frame))
        deadline = time.monotonic() + self._patience
        while rest:
            try:
                rest = rest[os.write(self._out, rest) :]
                deadline = time.monotonic() + self._patience
            except BlockingIOError:
                if not self._wait(deadline, writing=True):
                    raise self._fault(f"the harness has read nothing for {self._patience:g} s") from None
                if self._ended:
                    raise self._fault("the harness ended") from None
            except OSError as error:
                self._drain()
                raise self._fault(f"the harness is gone ({error.strerror})") from None

    def receive(self, timeout: float) -> Frame:
        """The next frame. Raises `TimeoutError` after `timeout` seconds, `SandboxFault` when the other side is gone."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                frame = self._incoming.take()
            except FrameError as error:
                raise self._fault(str(error)) from None
            if frame is not None:
                return frame
            if self._ended:
                raise self._fault("the harness ended")
            if not self._wait(deadline, writing=False):
                raise TimeoutError(f"no answer within {timeout:g} s")

    def _fault(self, problem: str) -> SandboxFault:
        words = self.words.strip()
        return SandboxFault(f"{problem}; its last words: {words[-2000:]}" if words else problem)

    def _wait(self, deadline: float, *, writing: bool) -> bool:
        """Wait for something to read (or room to write) and read it. False when the deadline passed first."""
        poll = self._poll(writing=writing)
        while True:
            if self._cancelled:
                raise self._fault("the session was closed")
            left = deadline - time.monotonic()
            events = poll.poll(min(max(0.0, left), _GLANCE) * 1000)
            for descriptor, _ in events:
                if descriptor == self._errors:
                    self._read_errors()
                elif descriptor == self._into:
                    self._read()
            if events or left <= 0:
                return bool(events)

    def _poll(self, *, writing: bool) -> select.poll:
        poll = select.poll()
        # a peer that talks while it should listen is not read without end
        if not self._ended and len(self._incoming) <= self._limit + 4:
            poll.register(self._into, _POLL_IN)
        if self._errors is not None:
            poll.register(self._errors, _POLL_IN)
        if writing:
            poll.register(self._out, _POLL_OUT | (_POLL_IN if self._out == self._into else 0))
        return poll

    def _read(self) -> None:
        try:
            data = os.read(self._into, _MORE if len(self._incoming) else _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended = True
            self._drain()
            return
        if self._unwrap is not None:
            data, words = self._unwrap(data)
            self._words = (self._words + words)[-_WORDS:]
        try:
            self._incoming.feed(data)
        except FrameError as error:
            raise self._fault(str(error)) from None

    def _read_errors(self) -> bool:
        if self._errors is None:
            return False
        try:
            data = os.read(self._errors, _WORDS)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._errors = None
            return False
        self._words = (self._words + data)[-_WORDS:]
        return True

    def _drain(self) -> None:
        """Take what is left on standard error, a bounded amount."""
        for _ in range(16):
            if not self._read_errors():
                return


class PipeSession:
    """A `Session` over the pipes of a child that was started with `argv`, all three of them piped.

    `terminate` asks the child to end (SIGTERM unless given); after `grace` seconds it is killed. Then `on_close`
    removes what it may have left. `close` may come while another thread waits: that one gets a `SandboxFault`.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        limits: Limits,
        *,
        terminate: Callable[[], None] | None = None,
        on_close: Callable[[], None] | None = None,
        grace: float = 5.0,
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._channel = Channel(
            process.stdin.fileno(), process.stdout.fileno(), limit=frame_limit(limits), errors=process.stderr.fileno()
        )
        self._terminate = terminate or process.terminate
        self._on_close = on_close
        self._grace = grace
        self._busy = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False

    @property
    def words(self) -> str:
        """The end of what the harness wrote on standard error (for an evaluator: whatever `evaluate.py` prints)."""
        return self._channel.words

    def send(self, frame: Frame) -> None:
        """Raises `SandboxFault` when the harness is gone."""
        with self._busy:
            self._check()
            self._channel.send(frame)

    def receive(self, timeout: float) -> Frame:
        """The next frame. Raises `TimeoutError` after `timeout` seconds, `SandboxFault` when the harness is gone."""
        with self._busy:
            self._check()
            return self._channel.receive(timeout)

    def close(self) -> None:
        """Kill the whole process tree and remove what it left. Never raises, may be called twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._channel.cancel()
            with contextlib.suppress(OSError):
                self._terminate()
            try:
                self._process.wait(self._grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            with self._busy:  # who waits for a frame has seen the end of the stream by now
                for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                    with contextlib.suppress(OSError):
                        pipe.close()  # type: ignore[union-attr]  # all three are pipes, see __init__
            if self._on_close is not None:
                self._on_close()

    def _check(self) -> None:
        if self._closed:
            raise SandboxFault("the session is closed")
