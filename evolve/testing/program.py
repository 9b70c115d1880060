"""A stand-in for the `program` that an evaluator gets, to test an `evaluate.py` without a sandbox."""

from __future__ import annotations

import importlib.util
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from evolve import frames

__all__ = ["Completed", "FakeProgram", "ProgramError", "load_evaluator"]

_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


def load_evaluator(path: Path) -> ModuleType:
    """The module of an `evaluate.py`, imported anew. Raises what it raises."""
    spec = importlib.util.spec_from_file_location("evaluate", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ProgramError(Exception):
    """What the candidate raised, or why it gave no answer."""


@dataclass(frozen=True)
class Completed:
    """How a process ended: its exit code, and what it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes


class FakeProgram:
    """A program that runs in this process, so use it for programs you trust, in tests.

    Arguments and results cross as they do in a sandbox, as plain data that is built anew, so an evaluator sees the same
    values: tuples arrive as lists, and objects do not arrive at all. Timeouts are not enforced by `call` and `map`.
    `calls` remembers every (function, arguments) in order, `trips` counts the messages that it took to ask for them.
    """

    Error = ProgramError

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]] | None = None, *, files: Mapping[str, bytes] = _NO_FILES
    ) -> None:
        self.functions = dict(functions or {})
        self.files = dict(files)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.trips = 0

    @classmethod
    def load(cls, path: Path, main: str = "program.py") -> FakeProgram:
        """The program in a folder, or of one file: its files, and the functions that its `main` defines."""
        files = {
            file.relative_to(path).as_posix() if path.is_dir() else main: file.read_bytes()
            for file in (sorted(path.rglob("*")) if path.is_dir() else [path])
            if file.is_file()
        }
        names: dict[str, Any] = {"__name__": "program"}
        exec(compile(files[main], main, "exec"), names)  # noqa: S102 - running the program is what it is loaded for
        return cls({name: value for name, value in names.items() if callable(value)}, files=files)

    def call(self, function: str, *args: object, timeout: float | None = None) -> Any:
        """What the function returns. Raises `ProgramError` when it raises, or when a value cannot cross."""
        return self.map(function, [args], timeout=timeout)[0]

    def map(self, function: str, args: Sequence[Sequence[object]], *, timeout: float | None = None) -> list[Any]:  # noqa: ARG002 - the signature is the real one's
        """What the function returns for each tuple of arguments, in order. Raises `ProgramError` at the first error."""
        self.trips += 1
        arguments = [tuple(each) for each in _across(list(args))]
        if function not in self.functions:
            raise ProgramError(f"the program defines no function {function!r}")
        results = []
        for each in arguments:
            self.calls.append((function, each))
            try:
                results.append(self.functions[function](*each))
            except Exception as error:
                # the function is foreign code: whatever it raises is the program's error
                raise ProgramError("".join(traceback.format_exception(error))) from error
        answer: list[Any] = _across(results)
        return answer

    def read(self, path: str) -> bytes:
        """The content of a file. Raises `KeyError`."""
        return self.files[path]

    def run(self, command: Sequence[str], *, input: bytes = b"", timeout: float | None = None) -> Completed:  # noqa: A002 - the name is the real one's
        """Run a command in a folder that holds the program's files, and wait. Raises `ProgramError` on a timeout."""
        self.trips += 1
        with tempfile.TemporaryDirectory(prefix="evolve-program-") as folder:
            for path, content in self.files.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            try:
                done = subprocess.run(
                    list(command), cwd=folder, input=input, capture_output=True, timeout=timeout, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise ProgramError(f"{command[0]} did not end within {timeout} s") from error
        return Completed(done.returncode, done.stdout, done.stderr)


def _across(value: object) -> Any:
    try:
        return frames.unpack(*frames.pack(value))
    except frames.DataError as error:
        raise ProgramError(f"what crosses is plain data: {error}") from error
