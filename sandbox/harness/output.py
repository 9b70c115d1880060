"""What a program prints."""

from __future__ import annotations

import fcntl
import os

from loop import Loop

_CHUNK = 2**18


class Output:
    """A pipe that keeps the first `limit` bytes; the rest is read and thrown away. `writer` is for the program."""

    def __init__(self, loop: Loop, limit: int) -> None:
        self._loop, self._limit = loop, limit
        self._data = bytearray()
        self.cut = False
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        self._ended = False
        os.set_blocking(self._reader, False)
        try:
            fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, 2**20)  # fewer turns when somebody prints a lot
        except OSError:
            pass  # past what the user may have: slower, no worse
        loop.watch(self._reader, self._read)

    def _read(self) -> bool:
        try:
            data = b"" if self._ended else os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._ended = True
            self._loop.unwatch(self._reader)
            return False
        room = self._limit - len(self._data)
        self._data += data[:room]
        self.cut = self.cut or len(data) > room
        return True

    def drain(self) -> bytes:
        """What was kept, with what waits in the pipe; a bounded amount, for who still writes may be faster than we."""
        for _ in range(64):
            if not self._read():
                break
        return bytes(self._data)

    def tail(self, characters: int) -> str:
        """The end of what was kept, as text."""
        text = self.drain()[-4 * characters :].decode(errors="replace")[-characters:]
        return f"{text}\n[cut here, more was printed]" if self.cut else text

    def head(self, characters: int) -> str:
        """The beginning, as text: of what was stopped by the clock, the end would be another each time."""
        data = self.drain()
        text = data[: 4 * characters].decode(errors="replace")
        return f"{text[:characters]}\n[cut here, more was printed]" if len(text) > characters or self.cut else text

    def started(self) -> None:
        """The program has its end of the pipe; ours is closed, so that its end is seen."""
        os.close(self.writer)

    def close(self) -> None:
        """Stop listening."""
        self._loop.unwatch(self._reader)
        os.close(self._reader)
