"""Standard output and error that may end before we do: a pipe that is closed, a full disk, no terminal any more."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from evolve.errors import StorageError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["use_lasting_streams"]

GONE = {errno.EPIPE, errno.EIO}
"""Nobody reads any more: of a pipe, and of a terminal."""


def use_lasting_streams() -> None:
    """Make output that nobody can read any more no reason to stop: what follows of it goes nowhere.

    A search that took a night is not to end because `head` has seen enough. What cannot be written to standard output
    for another reason, as on a full disk, raises `StorageError`, since a file would lack it; on standard error it is
    lost. A descriptor that is closed is opened on /dev/null, else the next file that is opened would get its number,
    and with it what is written to it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # takes the lowest number that is free, this one, and is there for what we start too
            os.set_inheritable(os.open(os.devnull, mode), True)
    sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)


def _lasting(stream: TextIO | None, number: int) -> TextIO:
    raw = _Lasting(number)
    encoding, errors = (stream.encoding, stream.errors) if stream is not None else ("utf-8", "replace")
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=raw.isatty() or number == 2)


class _Lasting(io.FileIO):
    """A descriptor that turns into /dev/null when it cannot be written to."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)

    def write(self, data: Buffer, /) -> int:
        """Raises `StorageError` when standard output cannot be written, and not because its reader has gone."""
        try:
            return super().write(data) or 0
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if self.fileno() == 1 and error.errno not in GONE:
                raise StorageError(f"standard output cannot be written: {error.strerror}") from error
            return memoryview(data).nbytes
