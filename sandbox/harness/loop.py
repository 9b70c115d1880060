"""One thread that listens to many descriptors and to signals."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable


class Closed(Exception):
    """The engine asked us to end (SIGTERM)."""


class Loop:
    """Handlers of descriptors, and one turn at a time. What a handler raises, the turn raises."""

    def __init__(self, child_ended: Callable[[], object]) -> None:
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], object]] = {}
        self._child_ended = child_ended
        self._asked_to_end = False
        self._signals, sender = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._signalled = select.poll()
        self._signalled.register(self._signals, select.POLLIN)
        signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        if os.getpid() == 1:
            # the first process of a namespace: the kernel keeps signals from inside away that it does not handle
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        else:
            signal.signal(signal.SIGTERM, lambda *_: None)
        self.watch(self._signals, self._heard)

    def forget(self) -> None:
        """In a fork: the signals are its own again."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)

    def _heard(self) -> None:
        self._listen()
        if self._asked_to_end:
            raise Closed
        self._child_ended()

    def _listen(self) -> None:
        self._asked_to_end = self._asked_to_end or signal.SIGTERM in os.read(self._signals, 4096)

    def pause(self, seconds: float) -> None:
        """Wait so long, or until a child has ended, and handle nothing."""
        if self._signalled.poll(seconds * 1000):
            self._listen()

    def watch(self, descriptor: int, handler: Callable[[], object], events: int = select.POLLIN) -> None:
        """Call `handler` whenever there is something to read, or the other end was closed."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def unwatch(self, descriptor: int) -> None:
        """The opposite; harmless when it was not watched."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def turn(self, until: float | None) -> None:
        """Wait until something happens, or to `until` by the monotonic clock (None: without end), and handle it."""
        if self._asked_to_end:
            raise Closed
        wait = None if until is None else max(0.0, until - time.monotonic()) * 1000 + 1
        for descriptor, _ in self._poll.poll(wait):
            handler = self._handlers.get(descriptor)  # one handler may have ended another
            if handler is not None:
                handler()

    def write(self, descriptor: int, data: bytes, until: Callable[[], float]) -> None:
        """Write all of `data` to a non-blocking descriptor while the loop goes on; stops early when nobody reads it.

        `until` says how long one turn may take, and raises when enough is enough.
        """
        rest = memoryview(data)
        reading = self._handlers.get(descriptor)
        try:
            while rest:
                try:
                    rest = rest[os.write(descriptor, rest) :]
                except BlockingIOError:
                    events = select.POLLOUT | (select.POLLIN if reading else 0)
                    self.watch(descriptor, reading or _nothing, events)
                    self.turn(until())
                except OSError:
                    return
        finally:
            if reading is None:
                self.unwatch(descriptor)
            elif descriptor in self._handlers:
                self.watch(descriptor, reading)


def _nothing() -> None:
    """There is room to write: the loop that waits for it sees that itself."""
