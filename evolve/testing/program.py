"""A stand-in for the `program` that an evaluator gets, to test an `evaluate.py` without a sandbox."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar

from evolve import frames

__all__ = ["Completed", "FakeProgram", "ProgramError", "load_evaluator"]

_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


def load_evaluator(path: Path) -> ModuleType:
    """The module of an `evaluate.py`, imported anew. Raises `ImportError`, and what the file itself raises."""
    spec = importlib.util.spec_from_file_location("evaluate", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ProgramError(Exception):
    """The program did not answer. `kind` is "failed", "timeout" or "data" (what it returned is not plain data)."""

    def __init__(self, error: str, kind: str) -> None:
        super().__init__(error)
        self.kind = kind
        self.output = ""


@dataclass(frozen=True)
class Completed:
    """How an executable ended; `returncode` is minus the signal when one killed it. Output is never cut here."""

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    cut: bool = False


class FakeProgram:
    """A program that runs in this process: for tests, with programs that you trust.

    `functions` are what it defines, by name. Arguments and results cross as they do in a sandbox, as plain data that
    is built anew: tuples arrive as lists, objects do not arrive. Nothing limits time, memory or output, but for the
    `timeout` of `run`. `calls` holds every (function, arguments) in order, `trips` counts the messages they took.
    """

    Error: ClassVar[type[ProgramError]] = ProgramError

    def __init__(
        self, functions: Mapping[str, Callable[..., Any]] | None = None, *, files: Mapping[str, bytes] = _NO_FILES
    ) -> None:
        self._functions = dict(functions or {})
        self._files = dict(files)
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.trips = 0
        self.seconds = 0.0

    @classmethod
    def load(cls, path: Path, module: str = "program.py") -> FakeProgram:
        """The program in a folder, or of one file: its files, and the functions that the file `module` defines."""
        paths = [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
        files = {file.relative_to(path).as_posix() if path.is_dir() else module: file.read_bytes() for file in paths}
        names: dict[str, Any] = {"__name__": module.removesuffix(".py")}
        exec(compile(files[module], module, "exec"), names)  # noqa: S102 - to run it is what it is loaded for
        return cls({name: value for name, value in names.items() if callable(value)}, files=files)

    def call(self, function: str, *arguments: Any, timeout: float | None = None) -> Any:
        """What `function(*arguments)` returns. Raises `program.Error`, and `ValueError` when an argument is no data."""
        return self.map(function, [arguments], timeout)[0]

    def map(self, function: str, arguments: Iterable[Sequence[Any]], timeout: float | None = None) -> list[Any]:  # noqa: ARG002 - the real one's signature
        """The results of many calls, in order. Raises as `call` does, at the first call that fails."""
        self.trips += 1
        received = [tuple(each) for each in frames.unpack(*frames.pack(list(arguments)))]
        if function not in self._functions:
            raise ProgramError(f"the program has no function {function!r}", "failed")
        started = time.perf_counter()
        results = []
        for each in received:
            self.calls.append((function, each))
            try:
                results.append(self._functions[function](*each))
            except Exception as error:
                # the function is foreign code, and whatever it raises is the program's error
                raise ProgramError("".join(traceback.format_exception(error)), "failed") from error
        self.seconds = time.perf_counter() - started
        try:
            answers: list[Any] = frames.unpack(*frames.pack(results))
        except frames.DataError as error:
            raise ProgramError(f"what the program returned is no data: {error}", "data") from error
        return answers

    def run(self, argv: Sequence[str], input: bytes = b"", timeout: float | None = None) -> Completed:  # noqa: A002 - the real one's signature
        """Run an executable among the program's files. Raises `program.Error` when it takes longer than `timeout`."""
        self.trips += 1
        with tempfile.TemporaryDirectory(prefix="evolve-program-") as folder:
            for path, content in self._files.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            started = time.perf_counter()
            try:
                done = subprocess.run(
                    [os.fspath(part) for part in argv],
                    cwd=folder,
                    input=input,
                    capture_output=True,
                    timeout=timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise ProgramError(f"{argv[0]} did not end within {timeout:g} s", "timeout") from error
            return Completed(done.returncode, done.stdout, done.stderr, time.perf_counter() - started)

    @property
    def files(self) -> dict[str, bytes]:
        """The program's files: path -> content."""
        return dict(self._files)

    def read(self, path: str) -> str:
        """One of the files as text. Raises `KeyError` when there is none, `program.Error` when it is no UTF-8."""
        try:
            return self._files[path].decode()
        except UnicodeDecodeError as error:
            raise ProgramError(f"{path} is no UTF-8 text: {error}", "data") from error
