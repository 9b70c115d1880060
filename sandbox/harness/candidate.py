"""In a candidate's process: imports the program and calls its functions. Nothing that is said from here is believed."""

from __future__ import annotations

import importlib
import sys

CHANNEL = 3
WORTH_IMPORTING = ("networkx", "numpy", "scipy", "scipy.optimize", "scipy.special", "scipy.stats", "sympy")
"""Modules that take long to import. The supervisor is told which of them are there, for the candidates to come."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def serve(frames: Any, work: str, enter: Callable[[], None]) -> None:
    """Answer calls until the channel closes. The first one says that the program is in its folder: `enter` it then."""
    entered = False
    while (call := frames.read(CHANNEL, 2**32)) is not None:
        if not entered:
            enter()
            entered = True
        head: dict[str, Any] = {"call": call.head["call"]}
        buffers: tuple[bytes, ...] = ()
        try:
            buffers = _call(frames, call)
        except BaseException as error:  # noqa: BLE001 - the program's own code raised it, sys.exit() included
            head |= {"kind": _kind(frames, error), "error": _describe(error, work)}
            if type(error) is frames.DataError:
                head["error"] = f"what {call.head['function']} returned is no data: {error}"
        if used := [name for name in WORTH_IMPORTING if name in sys.modules]:
            head["used"] = used
        try:
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the program closed or replaced it
        frames.write(CHANNEL, frames.Frame(head, buffers))


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
        raise _Missing(
            f"no module to find {function!r} in: the program has no Python file, or several and none is program.py or "
            f"main.py; `module` in task.toml names it"
        )
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
