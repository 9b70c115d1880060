"""The evaluator's process: holds the task's `evaluate.py` and its data, and serves one evaluation after another.

Two processes: a guard, which watches for the engine's end and kills everything, whatever the user's code is doing; and
the worker, which speaks with the engine and runs the user's code. What that prints goes to standard error.

    load      files [[path, executable, append]], entry, more (bool), thresholds, minimize; buffers: the contents
    evaluate  split, seed, stage (one of them, or None for all), nonce

While an evaluation runs the worker asks (call, run, files; see program.py) and the engine answers. It ends with `op`
"result" (buffers: the packed value; `screened` says which threshold the program fell short of) or "raised" (`kind`,
`error`), with the nonce.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import traceback
from types import ModuleType
from typing import Any, NoReturn

import contract
import folder
import tree
from frames import DataError, Frame, pack
from frames import read as read_frame
from frames import write as write_frame
from guard import EngineGone, Guard
from program import CandidateError, Program
from scoring import Scoring

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
    # what a task may import of ours, by the name that it has outside
    package = ModuleType("evolve")
    package.__path__ = []
    package.evaluator = contract  # type: ignore[attr-defined]
    sys.modules.update({"evolve": package, "evolve.evaluator": contract})


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
    """One `evaluate.py`, imported once and asked for every evaluation."""

    def __init__(self, into: int, out: int, task: str) -> None:
        self._into, self._out, self._task = into, out, task
        self._scoring: Scoring | None = None

    def run(self) -> None:
        while (request := read_frame(self._into, 2**32)) is not None:
            if request.head["op"] == "load":
                folder.fill(self._task, request.head["files"], request.buffers)
                answer = Frame({"op": "done"}) if request.head["more"] else self._load(request.head)
            else:
                answer = self._evaluation(request.head)
            write_frame(self._out, answer)

    def _load(self, head: dict[str, Any]) -> Frame:
        sys.path.insert(0, self._task)
        try:
            module = _import(os.path.join(self._task, head["entry"]))
        except BaseException as error:  # noqa: BLE001 - the user's module, at import
            return Frame({"op": "done", "problem": self._describe(error)})
        try:
            scoring = Scoring(module, contract, head["thresholds"], head["minimize"])
        except ValueError as error:
            return Frame({"op": "done", "problem": str(error)})
        self._scoring = scoring
        names = [stage.name for stage in scoring.stages]
        return Frame({"op": "done", "splits": scoring.splits, "seeds": scoring.seeds, "stages": names})

    def _evaluation(self, head: dict[str, Any]) -> Frame:
        assert self._scoring is not None
        nonce = head["nonce"]
        program = Program(self._exchange)
        try:
            outcome = self._scoring.score(program, head["split"], head["seed"], head["stage"])
            packed, notes, problem = _pack_tolerantly(outcome.value)
            if program.trouble and not (isinstance(outcome.value, dict) and outcome.value.get("feedback")):
                notes.insert(
                    0, program.trouble
                )  # the evaluator went on, and says nothing of why the score is what it is
        except CandidateError as error:
            told = {"op": "raised", "kind": error.kind, "error": str(error)[:_ERROR], "output": error.output}
            return Frame({**told, "nonce": nonce})
        except BaseException as error:  # noqa: BLE001 - the user's evaluator, which may also call sys.exit()
            happened = "\n".join(filter(None, [self._describe(error), program.trouble]))
            told = {"op": "raised", "kind": "evaluator", "error": happened, "output": ""}
            return Frame({**told, "nonce": nonce, "tired": isinstance(error, MemoryError)})
        finally:
            program.close()
            _flush()
        told = {"op": "result", "notes": notes, "problem": problem, "screened": outcome.screened}
        return Frame({**told, "nonce": nonce}, packed)

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


def _pack_tolerantly(value: object) -> tuple[tuple[bytes, bytes], list[str], str]:
    """The value, without those entries of a dict (and of the dicts in it) that are no data; a note on each of them;
    and what is wrong when it is the score that had to go."""
    notes: list[str] = []
    try:
        return pack(value), notes, ""
    except DataError:
        if not isinstance(value, dict):
            return pack(None), notes, f"what evaluate() returned is {_named(value)}"
    kept = _prune({key: item for key, item in value.items() if key != "score"}, "", notes, 2)
    if "score" not in value:
        return pack(kept), notes, ""
    try:
        return pack({**kept, "score": value["score"]}), notes, ""
    except DataError:
        return pack(kept), notes, f"the score that evaluate() returned is {_named(value['score'])}"


def _named(value: object) -> str:
    """What something that cannot cross is, in words."""
    if isinstance(value, int):
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} with something in it that is no number"
    return f"an object of type {type(value).__name__!r}"


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
