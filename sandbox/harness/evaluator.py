"""The evaluator's process: holds the task's `evaluate.py` and its data, and serves one evaluation after another.

Two processes: a guard, which watches for the engine's end and kills everything, whatever the user's code is doing; and
the worker, which speaks with the engine and runs the user's code. What that prints goes to standard error.

    load      files [[path, executable, append]], entry, more (bool); buffers: the contents
    evaluate  split, nonce

While an evaluation runs the worker asks (call, run, files; see program.py) and the engine answers. It ends with `op`
"result" (buffers: the packed value) or "raised" (`kind`, `error`), with the nonce.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import folder
import tree
from frames import DataError, Frame, pack
from frames import read as read_frame
from frames import write as write_frame
from guard import EngineGone, Guard
from program import CandidateError, Program

_ERROR = 20_000
_HANGUP = 0  # poll(2) reports the closing of the other end without being asked for anything


def serve(settings: dict[str, Any]) -> int:
    """Serve evaluations until the engine closes the session or is gone."""
    guard = Guard(settings)
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        guard.loop.forget()
        _leave_no_names()
        tree.die_with_parent(parent)
        tree.limit(settings["limits"], settings["processes"])
        _work(guard.into, guard.out, os.path.join(guard.scratch, "task"))
    return guard.run(lambda: _watch(guard, worker))


def _leave_no_names() -> None:
    """A task may have modules named like ours: they are found, and not these."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.remove(here)
    for name in os.listdir(here):
        sys.modules.pop(os.path.splitext(name)[0], None)


def _watch(guard: Guard, worker: int) -> None:
    """Wait for the end of the worker, and say how it was; or for the end of the engine."""

    def gone() -> NoReturn:
        raise EngineGone

    guard.loop.watch(guard.into, gone, _HANGUP)
    while worker not in guard.tree.exits:
        guard.loop.turn(None)
    write_frame(guard.out, Frame({"op": "ended", "error": _how(guard.tree.exits[worker])}))


def _how(code: int) -> str:
    if code >= 0:
        return f"the evaluator's process ended with exit code {code}"
    try:
        return f"the evaluator's process was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"the evaluator's process was killed by signal {-code}"


def _work(into: int, out: int, task: str) -> NoReturn:
    status = 1
    try:
        folder.wipe(task)
        os.environ.clear()
        os.environ.update(tree.clean_environment(task, sys.executable))
        os.chdir(task)
        _Worker(into, out, task).run()
        status = 0
    except BrokenPipeError:
        pass  # the engine is gone, and the guard ends this
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not go on as a second guard
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


class _Worker:
    """One `evaluate` function, imported once and called for every evaluation."""

    def __init__(self, into: int, out: int, task: str) -> None:
        self._into, self._out, self._task = into, out, task
        self._evaluate: Callable[..., Any] | None = None
        self._splits = False

    def run(self) -> None:
        while (request := read_frame(self._into, 2**32)) is not None:
            if request.head["op"] == "load":
                folder.fill(self._task, request.head["files"], request.buffers)
                answer = Frame({"op": "done"}) if request.head["more"] else self._load(request.head["entry"])
            else:
                answer = self._evaluation(request.head["split"], request.head["nonce"])
            write_frame(self._out, answer)

    def _load(self, entry: str) -> Frame:
        sys.path.insert(0, self._task)
        try:
            module = _import(os.path.join(self._task, entry))
            self._evaluate = getattr(module, "evaluate", None)
            problem = _signature_problem(self._evaluate)
        except BaseException as error:  # noqa: BLE001 - the user's module, at import
            return Frame({"op": "done", "problem": self._describe(error), "splits": False})
        if problem is not None or self._evaluate is None:
            return Frame({"op": "done", "problem": problem, "splits": False})
        self._splits = "split" in inspect.signature(self._evaluate).parameters
        return Frame({"op": "done", "problem": None, "splits": self._splits})

    def _evaluation(self, split: str, nonce: str) -> Frame:
        assert self._evaluate is not None
        program = Program(self._exchange)
        try:
            value = self._evaluate(program, split=split) if self._splits else self._evaluate(program)
            packed, notes = _pack_tolerantly(value)
        except CandidateError as error:
            head = {"op": "raised", "kind": error.kind, "error": str(error)[:_ERROR], "output": error.output}
            return Frame({**head, "nonce": nonce})
        except BaseException as error:  # noqa: BLE001 - the user's evaluator, which may also call sys.exit()
            head = {"op": "raised", "kind": "evaluator", "error": self._describe(error), "output": ""}
            return Frame({**head, "nonce": nonce, "tired": isinstance(error, MemoryError)})
        finally:
            program.close()
            _flush()
        return Frame({"op": "result", "notes": notes, "nonce": nonce}, packed)

    def _exchange(self, request: Frame) -> Frame:
        write_frame(self._out, request)
        answer = read_frame(self._into, 2**32)
        if answer is None:
            raise BrokenPipeError
        return answer

    def _describe(self, error: BaseException) -> str:
        """The traceback from the task's first line on, with its files named as they are in the task folder."""
        told = traceback.TracebackException.from_exception(error)
        part: traceback.TracebackException | None = told
        while part is not None:
            own = [frame for frame in part.stack if frame.filename.startswith(self._task)]
            part.stack = traceback.StackSummary.from_list(own)
            part = part.__cause__ or part.__context__
        text = "".join(told.format()).replace(self._task + "/", "")
        return text[-_ERROR:].strip()


def _import(path: str) -> ModuleType:
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{os.path.basename(path)} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _signature_problem(evaluate: object) -> str | None:
    if not callable(evaluate):
        return "there is no function evaluate(program) in it"
    parameters = inspect.signature(evaluate).parameters
    split = ["split"] if "split" in parameters else []
    try:
        inspect.signature(evaluate).bind(None, **dict.fromkeys(split))
    except TypeError as error:
        return f"evaluate takes (program), or (program, split) when it has held-out instances: {error}"
    return None


def _pack_tolerantly(value: object) -> tuple[tuple[bytes, bytes], list[str]]:
    """The value, without those entries of a dict (and of the dicts in it) that are no data; and a note on each."""
    try:
        return pack(value), []
    except DataError as error:
        if not isinstance(value, dict):
            return pack(None), [f"evaluate() returned what is no data: {error}"]
    notes: list[str] = []
    return pack(_prune(value, "", notes, 2)), notes


def _prune(value: dict[Any, Any], where: str, notes: list[str], depth: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = f"{where}{key}"
        try:
            pack({key: item})
        except DataError as error:
            if isinstance(item, dict) and depth and isinstance(key, str):
                kept[key] = _prune(item, f"{name}.", notes, depth - 1)
            else:
                notes.append(f"{name} was dropped: {error}")
        else:
            kept[key] = item
    return kept


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the user's code closed or replaced it
