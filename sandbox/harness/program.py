"""What `evaluate(program)` is given: the candidate, reachable through data alone."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from frames import Frame, pack, unpack

Exchange = Callable[[Frame], Frame]

_SHOWN = 4_000  # bytes of what an executable printed
_NOT_FOUND = 127  # the exit code of what is not there, as in a shell


class CandidateError(Exception):
    """The candidate did not answer: it raised, crashed, was stopped, or answered with something that is no data.

    `kind` is "failed", "timeout", "memory", "output" (more data than the limit) or "data" (not plain data); the text
    says what happened, with the candidate's own traceback; `output` is what it has printed, cut to 4,000 characters.
    """

    def __init__(self, error: str, kind: str, output: str = "") -> None:
        super().__init__(error)
        self.kind = kind
        self.output = output


class Completed:
    """How an executable ended. `returncode` is minus the signal when one killed it; `stdout` and `stderr` are bytes,
    and `cut` says whether one of them was longer than the limit. Time and memory are measured outside of it."""

    def __init__(self, head: dict[str, Any], stdout: bytes, stderr: bytes) -> None:
        self.returncode: int = head["returncode"]
        self.stdout = stdout
        self.stderr = stderr
        self.stdout_cut, self.stderr_cut = head["cut"]
        self.cut: bool = self.stdout_cut or self.stderr_cut
        self.seconds: float = head["seconds"]
        self.cpu_seconds: float = head["cpu_seconds"]
        self.memory_bytes: int = head["memory_bytes"]

    def __repr__(self) -> str:
        return (
            f"Completed(returncode={self.returncode}, stdout={self.stdout!r}, stderr={self.stderr!r}, cut={self.cut})"
        )


class Program:
    """The candidate. It runs elsewhere; what it returns is plain data, made anew here."""

    Error: ClassVar[type[CandidateError]] = CandidateError

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._turn = threading.Lock()
        self._owner = os.getpid()
        self._files: dict[str, bytes] | None = None
        self._over = False
        self.seconds = 0.0
        """How long the candidate's code took for the last call, measured outside of it."""
        self.trouble = ""
        """What went wrong last: a call that failed, or an executable that did not end with 0."""

    def call(self, function: str, *arguments: Any, timeout: float | None = None) -> Any:
        """What `function(*arguments)` returns, in the candidate's process. "module:function" names another module.

        `timeout` is in seconds, for this call; without it the task's own. Raises `program.Error`, and `ValueError` when
        an argument is no data.
        """
        return self._call(function, arguments, False, timeout)

    def map(self, function: str, arguments: Iterable[Sequence[Any]], timeout: float | None = None) -> list[Any]:
        """The results of many independent calls, in order, for one round trip. `timeout` is for all of them.

        `arguments` holds one tuple or list of arguments per call. Raises as `call` does when one of them fails.
        """
        calls = [item if isinstance(item, tuple | list) else self._no_arguments(item) for item in arguments]
        result = self._call(function, calls, True, timeout)
        if not isinstance(result, list) or len(result) != len(calls):
            raise CandidateError("the program wrote to a descriptor that is not its own", "failed")
        return result

    def run(self, argv: Sequence[str], input: bytes = b"", timeout: float | None = None) -> Completed:  # noqa: A002
        """Run a program of the candidate's folder, or one on PATH with its folder as the current one.

        An exit code other than 0 is no error. Raises `program.Error` when it had to be stopped.
        """
        parts = [] if isinstance(argv, str) else [os.fspath(part) for part in argv]
        if not parts or not parts[0] or not all(isinstance(part, str) and "\0" not in part for part in parts):
            raise ValueError("argv is a list of text that begins with the name of a program")
        request = Frame({"op": "run", "argv": parts, "timeout": _seconds(timeout)}, (bytes(input),))
        answer = self._ask(request)
        done = Completed(answer.head, *answer.buffers)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-_SHOWN:].decode(errors="replace")
            printed = f" and printed:\n{said}" if said else " and printed nothing"
            self.trouble = f"{' '.join(parts)[:200]} {_ending(done.returncode)}{printed}"
            if done.returncode == _NOT_FOUND:
                self.trouble += (
                    "\nSo ends what is not there where programs run: for --sandbox bubblewrap install it below /usr, "
                    "or name an image that has it in [sandbox] of task.toml."
                )
        return done

    @property
    def files(self) -> dict[str, bytes]:
        """The candidate's files: path -> content. Nothing is run for this."""
        if self._files is None:
            answer = self._ask(Frame({"op": "files"}))
            self._files = dict(zip(answer.head["paths"], answer.buffers, strict=True))
        return dict(self._files)

    def read(self, path: str) -> str:
        """One of the files as text. Raises `KeyError` when there is none, `program.Error` when it is no UTF-8."""
        try:
            return self.files[path].decode()
        except UnicodeDecodeError as error:
            raise CandidateError(f"{path} is no UTF-8 text: {error}", "data") from None

    def close(self) -> None:
        """The evaluation is over: whatever thread still holds the program can call nothing any more."""
        with self._turn:
            self._over = True

    @staticmethod
    def _no_arguments(item: object) -> Sequence[Any]:
        raise TypeError(f"map takes one tuple or list of arguments per call, and not {type(item).__name__!r}")

    def _call(self, function: str, arguments: Any, many: bool, timeout: float | None) -> Any:
        if not isinstance(function, str):
            raise TypeError(f"a function is named by text, and not by {type(function).__name__!r}")
        head = {"op": "call", "function": function, "map": many, "timeout": _seconds(timeout)}
        answer = self._ask(Frame(head, pack(arguments)))
        try:
            return unpack(*answer.buffers)
        except ValueError as error:
            raise CandidateError(f"what the program returned is no data: {error}", "data") from None

    def _ask(self, request: Frame) -> Frame:
        with self._turn:
            if self._over:
                raise RuntimeError("the evaluation is over, its program can no longer be called")
            if os.getpid() != self._owner:
                raise RuntimeError("only the process that evaluate() runs in can call the program: use program.map")
            answer = self._exchange(request)
        if answer.head["op"] == "stopped":
            self.trouble = answer.head["error"]
            raise CandidateError(answer.head["error"], answer.head["kind"], answer.head["output"])
        self.seconds = answer.head.get("seconds", 0.0)
        return answer


def _ending(returncode: int) -> str:
    """How an executable ended, in words."""
    if returncode > 0:
        return f"ended with exit code {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


def _seconds(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < float("inf"):
        raise ValueError(f"timeout is {timeout!r}: seconds, more than 0, or None")
    return float(timeout)
