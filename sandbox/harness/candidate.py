"""The candidate's process: imports the program and calls its functions. Nothing that is said from here is believed.

What this file imports is imported before each candidate; it is gone from `sys.modules` when the program is loaded, so
that a program may have a file of the same name.
"""

from __future__ import annotations

import importlib
import os
import sys

_CHANNEL = 3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def main() -> None:
    """Answer calls until the channel closes."""
    here = os.path.dirname(os.path.abspath(__file__))
    work = sys.argv[1]
    sys.path.insert(0, here)
    import frames  # noqa: PLC0415 - from beside this file, and only now found there

    del sys.modules["frames"]
    sys.path[0] = work
    sys.argv = [work]
    frames.write(_CHANNEL, frames.Frame({"pid": os.getpid()}))
    serve(frames, work)


def serve(frames: Any, work: str) -> None:
    """Answer calls."""
    while True:
        call = frames.read(_CHANNEL, 2**32)
        if call is None:
            return
        head: dict[str, str] = {}
        buffers: tuple[bytes, ...] = ()
        try:
            buffers = _call(frames, call)
        except BaseException as error:  # noqa: BLE001 - the program's own code raised it, sys.exit() included
            head = {"kind": _kind(frames, error), "error": _describe(error, work)}
        try:
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the program closed or replaced it
        frames.write(_CHANNEL, frames.Frame({**head, "call": call.head["call"]}, buffers))


class _Missing(Exception):
    """The program has no such function."""


def _call(frames: Any, call: Any) -> tuple[bytes, bytes]:
    arguments = frames.unpack(*call.buffers)
    function = _find(call.head["function"], call.head["module"])
    if call.head["map"]:
        return frames.pack([function(*item) for item in arguments])  # type: ignore[no-any-return]
    return frames.pack(function(*arguments))  # type: ignore[no-any-return]


def _find(name: str, module: str) -> Callable[..., Any]:
    where, _, function = name.rpartition(":")
    module = where or module
    if not module:
        raise _Missing(f"no module to find {function!r} in: the program has no Python file, or several of other names")
    found = getattr(importlib.import_module(module), function, None)
    if found is None:
        raise _Missing(f"the program has no function {function!r} in module {module!r}")
    return found  # type: ignore[no-any-return]


def _kind(frames: Any, error: BaseException) -> str:
    if isinstance(error, frames.DataError):
        return "data"
    return "memory" if isinstance(error, MemoryError) else "failed"


def _describe(error: BaseException, work: str) -> str:
    """The traceback from the program's first line on, with its files named as it names them."""
    if isinstance(error, _Missing):
        return str(error)
    import re  # noqa: PLC0415 - only for a program that fails
    import traceback  # noqa: PLC0415

    try:
        told = traceback.TracebackException.from_exception(error)
        part: Any = told
        for _ in range(8):  # it and what it came from
            own = [frame for frame in part.stack if frame.filename.startswith(work)]
            part.stack = traceback.StackSummary.from_list(own)
            part = part.__cause__ or part.__context__
            if part is None:
                break
        text = "".join(told.format())
    except BaseException:  # noqa: BLE001 - the program's exceptions may raise when they are looked at
        text = f"{type(error).__name__}, which cannot be shown"
    text = text.replace(work + "/", "").replace(work, ".")
    # an address differs from run to run, and the next proposer learns nothing from it
    return re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text)[-8000:].strip("\n")


if __name__ == "__main__":
    try:
        main()
    except OSError:
        os._exit(70)  # the program closed the channel; whoever holds the other end says so
