"""One candidate process that answers calls, and the channel to it. What it says is passed on, never believed."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable

from frames import Frame, FrameError, Incoming, TooLong, encode
from loop import Loop
from output import Output
from tree import Tree
from watch import Stopped

_CHUNK, _MORE = 2**16, 2**18  # bytes that are read at once, at first and when a frame is longer
_ENDS = 3.0  # seconds: a channel closes a moment before its process has ended, which on a busy machine is a long one
_GARBAGE = "the program wrote to a descriptor that is not its own"


class Conversation:
    """Calls to one candidate process, which `launch(channel, output)` has started. Raises `OSError` as that does."""

    pid = 0
    """Its number, as soon as it has `begun`."""

    def __init__(self, loop: Loop, tree: Tree, launch: Callable[[int, int], None], limits: dict[str, int]) -> None:
        self._loop, self._tree = loop, tree
        self._incoming = Incoming(limits["reply_bytes"])
        self._calls = 0
        self._ended = False
        self._oom_kills = tree.oom_kills()
        self.output = Output(loop, limits["output_bytes"])
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            try:
                with theirs:
                    launch(theirs.fileno(), self.output.writer)
            finally:
                self.output.started()
        except OSError:
            self.close()
            raise

    def begin(self, patience: float) -> None:
        """Wait until the process is there; it knows nothing of the candidate until then. Raises `OSError` when it is
        not within `patience` seconds."""
        until = time.monotonic() + patience
        self._loop.watch(self._socket.fileno(), self._read)
        while (frame := self._incoming.take()) is None:
            if self._ended or time.monotonic() > until:
                raise OSError(f"no candidate process could be started: {self.output.tail(2000)}")
            self._loop.turn(until)
        self._loop.unwatch(self._socket.fileno())
        self.pid = frame.head["pid"]

    def _read(self) -> bool:
        try:
            data = b"" if self._ended else self._socket.recv(_MORE if len(self._incoming) else _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._ended = True
            self._loop.unwatch(self._socket.fileno())
            return False
        try:
            self._incoming.feed(data)
        except TooLong as error:
            # so much came that no frame could be this long; whether it was meant as one, nobody can say
            raise Stopped("output", f"what the program returned is too long: {error}", garbage=True) from None
        return True

    def ask(self, frame: Frame, until: Callable[[], float]) -> Frame:
        """Send a call and wait for its answer, turn by turn, each as long as `until` says. Raises `Stopped`.

        Between calls the channel is not read: what comes there unasked fills nothing but its own pipe.
        """
        self._read()
        if len(self._incoming):
            raise Stopped("failed", _GARBAGE, garbage=True)
        self._calls += 1
        self._loop.watch(self._socket.fileno(), self._read)
        try:
            data = encode(Frame({**frame.head, "call": self._calls}, frame.buffers))
            self._loop.write(self._socket.fileno(), data, until)
            return self._answer(until)
        finally:
            self._loop.unwatch(self._socket.fileno())

    def _answer(self, until: Callable[[], float]) -> Frame:
        while True:
            try:
                answer = self._incoming.take()
            except FrameError:
                raise Stopped("failed", _GARBAGE, garbage=True) from None
            if answer is not None:
                if answer.head.get("call") != self._calls:
                    raise Stopped("failed", _GARBAGE, garbage=True)
                return answer
            if self._ended or self.pid in self._tree.exits:
                self._last_words()
                continue
            self._loop.turn(until())

    def _last_words(self) -> None:
        """It is gone, or has closed the channel: return when an answer came before that, else raise what happened."""
        while self._read():
            pass
        if self._incoming.ready:
            return
        code = self._tree.wait(self.pid, _ENDS)
        if code is None:
            raise Stopped("failed", "the program closed a descriptor that is not its own")
        raise self._death(code)

    def _death(self, code: int) -> Stopped:
        if code >= 0:
            return Stopped("failed", f"the program ended the process with exit code {code} in the middle of a call")
        if -code == signal.SIGKILL and self._tree.oom_kills() != self._oom_kills:
            return Stopped("memory", "the program was killed for using too much memory")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return Stopped("failed", f"the program was killed by {name} in the middle of a call")

    def close(self) -> None:
        """Stop listening. The process is the tree's to kill."""
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        self.output.close()
