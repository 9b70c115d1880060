"""Sessions for candidates: kept while nothing speaks against it, replaced after so many programs or on any doubt."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from evolve.errors import EvolveError, SandboxFault
from evolve.frames import Frame
from evolve.types import Limits, Program, Sandbox, Session

__all__ = ["Candidate", "CandidateGone", "Candidates"]

_PATIENCE = 90.0  # seconds beyond its limits within which a harness that is well answers
_MODULES = 100  # names of modules that are passed on from one session to the next
_OPENERS = 4


class CandidateGone(SandboxFault):
    """The candidate's session failed while a program was in it: the sandbox's fault, or the program's doing."""


class Candidate:
    """A candidate's session. Whatever goes wrong with it is a `CandidateGone`.

    `served` counts the programs that were loaded. `unclean` says why no other one should be, and is empty when the
    harness has found nothing; `modules` are what programs have imported that takes long.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.close = session.close
        self.served = 0
        self.unclean = "it was not asked"
        self.modules: tuple[str, ...] = ()

    def prepare(self, modules: Sequence[str]) -> None:
        """Have modules imported for the programs to come. Returns when that is done."""
        self.ask(Frame({"op": "prepare", "modules": list(modules)}), 0)

    def load(self, program: Program, module: str | None) -> None:
        """Have the program put into its folder. Whether that went wrong is seen by who asks for something next."""
        files = [[path, path in program.executables, False] for path in program.files]
        head = {"op": "load", "files": files, "module": _module(program) if module is None else module}
        self.served += 1
        self.unclean = "its program was not ended"
        self._send(Frame(head, tuple(program.files.values())))

    def end(self) -> Frame:
        """End the program: what it took is in the answer's head."""
        answer = self.ask(Frame({"op": "end"}), 0)
        self.unclean = str(answer.head.get("unclean", ""))
        told = answer.head.get("modules")
        self.modules = tuple(map(str, told[:_MODULES])) if isinstance(told, list) else ()
        return answer

    def ask(self, frame: Frame, seconds: float) -> Frame:
        """What the supervisor answers, which takes at most `seconds` when it is well."""
        self._send(frame)
        try:
            return self._session.receive(seconds + _PATIENCE)
        except (SandboxFault, TimeoutError) as fault:
            raise CandidateGone(str(fault)) from fault

    def _send(self, frame: Frame) -> None:
        try:
            self._session.send(frame)
        except SandboxFault as fault:
            raise CandidateGone(str(fault)) from fault


class Candidates:
    """Hands out candidates' sessions, each to one thread at a time, and takes them back.

    A session runs at most `most` programs, and none after one that left a doubt. Its successor is opened on another
    thread when its end is near, and prepared with the modules that programs have imported so far, so that who asks for
    it seldom waits.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits, most: int) -> None:
        self._sandbox, self._limits, self._most = sandbox, limits, most
        self._near = max(1, most // 10)  # programs before its end that a session's successor is opened
        self._lock = threading.Lock()
        self._background = ThreadPoolExecutor(_OPENERS, thread_name_prefix="evolve-candidates")
        self._idle: list[Candidate] = []
        self._taken: set[Candidate] = set()
        self._spare: deque[Future[Candidate]] = deque()
        self._modules: tuple[str, ...] = ()
        self._wary = False
        self._closed = False

    def take(self, *, fresh: bool = False) -> Candidate:
        """A session for one program; with `fresh`, one that was opened just now. Raises as opening one does."""
        spare = None
        with self._lock:
            self._check()
            candidate = self._idle.pop() if self._idle and not fresh else None
            if candidate is None and self._spare and not fresh:
                spare = self._spare.popleft()
        if spare is not None:
            with contextlib.suppress(EvolveError):  # what kept it from opening may be over
                candidate = spare.result()
        candidate = candidate or self._open()
        with self._lock:
            closed = self._closed
            if not closed:
                self._taken.add(candidate)
                if self._wary or candidate.served + self._near >= self._most:
                    self._look_ahead()
        if closed:
            candidate.close()
            raise SandboxFault("the evaluator is closed")
        return candidate

    def give(self, candidate: Candidate) -> None:
        """Take one back: it serves on, or is closed and replaced."""
        with self._lock:
            self._taken.discard(candidate)
            self._wary = bool(candidate.unclean)
            self._modules = candidate.modules or self._modules
            if not self._closed:
                if not candidate.unclean and candidate.served < self._most:
                    self._idle.append(candidate)
                    return
                self._background.submit(candidate.close)
                return
        candidate.close()

    def close(self) -> None:
        """Close all of them; who uses one gets a `SandboxFault`. May be called twice."""
        with self._lock:
            self._closed = True
            left = [*self._idle, *self._taken]
            spares = list(self._spare)
            for each in (self._idle, self._taken, self._spare):
                each.clear()
        for candidate in left:
            candidate.close()
        for spare in spares:
            if not spare.cancel():
                with contextlib.suppress(EvolveError):
                    spare.result().close()
        self._background.shutdown()

    def _look_ahead(self) -> None:
        """Have a session opened, unless there is already one for everybody who may need it."""
        if len(self._spare) < len(self._taken):
            self._spare.append(self._background.submit(self._open))

    def _open(self) -> Candidate:
        candidate = Candidate(self._sandbox.open("candidate", self._limits))
        if self._modules:
            prepared = False
            try:
                candidate.prepare(self._modules)
                prepared = True
            finally:
                if not prepared:
                    candidate.close()
        return candidate

    def _check(self) -> None:
        if self._closed:
            raise SandboxFault("the evaluator is closed")


def _module(program: Program) -> str:
    """The module whose functions are called: of the only Python file, else of program.py or main.py, else none."""
    sources = [path for path in program.files if path.endswith(".py")]
    for path in sources if len(sources) == 1 else ("program.py", "main.py"):
        if path in sources:
            return path.removesuffix(".py").replace("/", ".")
    return ""
