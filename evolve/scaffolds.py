"""Scaffolds: proposers that are programs themselves, each run in a sandbox session that nobody else is in.

A scaffold has a module `scaffold` with `propose(parent, context)`, and perhaps `solve(instance)`. It is called with
plain data and answers with plain data. It finds itself as it was at first in every call, and reaches nothing but the
models of its lease, through the gateway: so what it does follows from its arguments and from what models answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import git

from evolve.errors import RunNotFound, SandboxFault, TaskError
from evolve.folders import read_folder
from evolve.frames import DataError, Frame, pack, unpack
from evolve.lineage import read_program
from evolve.models.account import Unfit
from evolve.models.gateway import Gateway, Lease
from evolve.models.meter import amounts
from evolve.options import find_run
from evolve.questions import Evaluate, Questions
from evolve.repository import open_repository
from evolve.resources import bundled
from evolve.rooms import Room, Rooms
from evolve.sandboxes import harness
from evolve.types import Limits, Model, Program, Reply, Request, Sandbox, Session, Usage

__all__ = [
    "ADOPTED",
    "BUNDLED",
    "MODULE",
    "REFERENCE",
    "SMOKE",
    "Scaffold",
    "ScaffoldFailed",
    "read_scaffold",
    "smoke_problem",
]

MODULE = "scaffold"
"""Where a scaffold's functions are looked for."""

ADOPTED = "adopted"
"""The branch of a run of scaffolds that a gate moves; `best` is what there is without one."""

REFERENCE = "reference"
"""The key of a trial's note that says which adopted program proposed it, by its trial number."""

SMOKE = "checks/smoke.py"
"""A scaffold's own test of what it must be able to do, run before anything is spent on it."""

BUNDLED = "scaffold"
"""The name of the seed that comes along."""

_USUAL = Limits()
_SHOWN = 4_000  # characters of what a smoke test printed
_GLANCE = 0.5  # seconds between looks at how much time of its own a scaffold has had
_PATIENCE = 90.0  # seconds within which a harness that is well answers
_SLACK = 4.0  # how many times its processor time a scaffold may take by the clock: machines are busy
_SMOKE_SLACK = 12.0  # the same for a smoke test, which has an interpreter to start
_LONG = 1e6  # seconds: how long models take is no limit of a scaffold's


class ScaffoldFailed(Exception):
    """A scaffold gave nothing that can be used: `kind` is a word for it, the text says what happened.

    `kind` is "failed", "timeout", "memory", "output" or "data", as for any candidate.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class Scaffold:
    """A scaffold that may ask `models`, and for evaluations, as far as `lease` reaches. Used by one thread at a time.

    The lease is for all of its calls together. Whatever a call has left in flight is settled when it returns, and what
    was not under way yet is refused; between two calls nobody is heard.

    Args:
        rooms: where it runs.
        ask: how models are asked: `Context.relay`.
        seconds: of processor time for one call; by the clock four times that, while no model is asked for it.
    """

    def __init__(
        self,
        program: Program,
        rooms: Rooms,
        models: Sequence[Model],
        lease: Lease,
        *,
        ask: Callable[[Model, Request], Reply],
        seconds: float = 60.0,
    ) -> None:
        self._program, self._rooms = program, rooms
        self._models, self._lease, self._seconds = models, lease, seconds
        self._questions = Questions(ask)
        self._room: Room | None = None
        self._gateway: Gateway | None = None
        self._unfit = Unfit({"calls": lease.calls, "evaluations": lease.evaluations})
        self._spent = Usage()
        self._trouble: BaseException | None = None
        self._begun = time.monotonic()

    @property
    def used(self) -> Usage:
        """What it has spent of its lease."""
        return self._spent + self._gateway.used if self._gateway is not None else self._spent

    @property
    def said(self) -> tuple[str, str]:
        """The model that answered last in this call, and what it said; empty when none was asked."""
        return self._questions.last

    def call(self, function: str, *arguments: object, evaluate: Evaluate | None = None) -> Any:
        """What the function returns, as plain data. `evaluate` is how it has files evaluated in this call.

        Raises `ScaffoldFailed`, and what is not the scaffold's doing: `SandboxFault`, or what kept models from
        answering. A session that fails is tried once more, with the answers that there are already, which are paid for;
        when it fails again while others work, the scaffold has done it.
        """
        self._questions.begin(evaluate)
        try:
            try:
                return self._call(function, arguments)
            except SandboxFault:
                self._leave()
                if self._trouble is not None:
                    raise
                self._questions.again()
            try:
                return self._call(function, arguments)
            except SandboxFault as fault:
                self._leave()
                self._rooms.probe()
                raise ScaffoldFailed("it ended the process that watches it", "failed") from fault
        finally:
            if trouble := self._trouble or (self._gateway.trouble if self._gateway is not None else None):
                raise trouble  # whatever the scaffold made of it

    def close(self) -> None:
        """End it; when this returns, its calls are settled. May be called twice."""
        room, self._room = self._room, None
        if room is not None and room.unclean:  # whatever it is in the middle of
            room.close()
        self._settle()
        if room is not None:
            self._rooms.give(room)

    def _leave(self) -> None:
        """Give up the room: whatever is the matter with it, nobody shall have it."""
        if self._room is not None:
            self._room.unclean = self._room.unclean or "it was left"
        self.close()

    def _settle(self) -> None:
        """Close the gateway; what was spent there is kept."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()
            self._spent += gateway.used
            self._trouble = self._trouble or gateway.trouble

    def _enter(self) -> Room:
        """The room that it is in, with a gateway for one call and what is left of the lease; another one when nobody
        is heard there any more."""
        if self._room is not None and self._room.door.deaf:
            self._leave()
        self._room = room = self._room or self._rooms.take()
        left = {name: max(0, getattr(self._lease, name) - amount) for name, amount in amounts(self._spent).items()}
        seconds = max(1e-3, self._lease.seconds - (time.monotonic() - self._begun))
        self._gateway = Gateway(
            replace(self._lease, seconds=seconds, **left),
            self._questions,
            self._models,
            folder=harness.home(),
            evaluate=self._questions.evaluate,
            earlier=self._questions.known,
            unfit=self._unfit,
            door=room.door,
        )
        return room

    def _call(self, function: str, arguments: Sequence[object]) -> Any:
        room = self._enter()
        session, room.unclean = room.session, "its program was not ended"
        files = [[path, path in self._program.executables, False] for path in self._program.files]
        session.send(Frame({"op": "load", "files": files, "module": MODULE}, tuple(self._program.files.values())))
        limits = {"timeout": _LONG, "cpu": self._seconds, "told": ""}
        session.send(Frame({"op": "call", "function": function, "map": False, **limits}, pack(list(arguments))))
        answer = self._answer(session)
        room.end()
        self._settle()  # what it has left in flight is of this call
        if answer.head["op"] == "stopped":
            raise ScaffoldFailed(answer.head["error"], answer.head["kind"])
        try:
            return unpack(*answer.buffers)
        except DataError as error:
            raise ScaffoldFailed(f"what {function} returned is no data: {error}", "data") from None

    def _answer(self, session: Session) -> Frame:
        while True:
            try:
                return session.receive(_GLANCE)
            except TimeoutError:
                if self._questions.idle() > _SLACK * self._seconds:
                    self._leave()
                    problem = f"stopped after {_SLACK * self._seconds:g} s in which it asked nothing and did not return"
                    raise ScaffoldFailed(problem, "timeout") from None


def smoke_problem(program: Program, sandbox: Sandbox, *, limits: Limits = _USUAL, seconds: float = 60.0) -> str:
    """What a scaffold's own smoke test says against it, "" when it passes or has none. No model is asked.

    It runs in a session of its own, for `seconds` of processor time. Raises `SandboxFault`.
    """
    if SMOKE not in program.files:
        return ""
    session = sandbox.open("candidate", limits)
    try:
        files = [[path, path in program.executables, False] for path in program.files]
        session.send(Frame({"op": "load", "files": files, "module": MODULE}, tuple(program.files.values())))
        timeout = _SMOKE_SLACK * seconds
        run = {"op": "run", "argv": ["python3", SMOKE], "timeout": timeout, "cpu": seconds}
        session.send(Frame(run, (b"",)))
        answer = session.receive(timeout + _PATIENCE)
    except TimeoutError as error:
        raise SandboxFault(f"a smoke test does not end: {error}") from error
    finally:
        session.close()
    if answer.head["op"] == "stopped":
        return f"{SMOKE}: {answer.head['error']}"
    if not answer.head["returncode"]:
        return ""
    said = b"\n".join(filter(None, answer.buffers)).decode(errors="replace")[-_SHOWN:]
    for path in program.files:  # where its folder is differs from session to session
        said = re.sub(rf'"/[^"\n]*/{re.escape(path)}"', f'"{path}"', said)
    return f"{SMOKE} ended with {answer.head['returncode']}:\n{said}"


def read_scaffold(reference: str) -> Program:
    """The scaffold in a folder, or the one of a run: what it adopted, else its best. "scaffold" is the one that comes
    along.

    Raises `TaskError` when it is none, `RunNotFound` when there is no such folder or run, `LineageError`.
    """
    path = Path(reference)
    if path.is_dir() and not (path / ".git").exists():
        return _checked(read_folder(path), str(path))
    try:
        path = find_run(reference)
    except RunNotFound as error:
        if reference != BUNDLED:
            raise RunNotFound(f"there is no scaffold in {reference!r}: it is no folder, and {error}") from error
        return _checked(read_folder(bundled("seeds") / BUNDLED), reference)
    with open_repository(path) as repository:
        commit = _commit(repository, path)
        return _checked(read_program(repository, commit), str(path))


def _commit(repository: git.Repo, path: Path) -> str:
    for name in (ADOPTED, f"origin/{ADOPTED}", "best", "origin/best"):
        try:
            return repository.commit(name).hexsha
        except (git.BadName, ValueError):
            continue
    raise TaskError(f"{path} has no branch {ADOPTED} or best, so there is no scaffold in it yet")


def _checked(program: Program, where: str) -> Program:
    if f"{MODULE}.py" not in program.files:
        raise TaskError(f"{where} holds no scaffold: there is no {MODULE}.py in it, with propose(parent, context)")
    for path, content in program.files.items():
        try:
            content.decode()
        except UnicodeDecodeError:
            raise TaskError(f"{where}: {path} is no UTF-8 text, and a run keeps its scaffold as text") from None
    return program
