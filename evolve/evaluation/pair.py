"""Two sessions, an evaluator's and a candidate's, and the frames that the engine passes between them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.result import Direction, accept, stopped
from evolve.frames import DataError, Frame, unpack
from evolve.types import Cost, Evaluation, Limits, Program, Sandbox, Session, Split

__all__ = ["CandidateGone", "Pair", "TaskFiles", "Times", "probe"]

_PIECE = 16 * 2**20  # bytes of the task's files in one frame
_PATIENCE = 90.0  # seconds beyond its limits within which a harness that is well answers
_GRACE = 1.0  # seconds that an evaluator has to return after the time for the evaluation is over


class CandidateGone(SandboxFault):
    """The candidate's session failed while a program was in it: the sandbox's fault, or the program's doing."""


@dataclass(frozen=True)
class Times:
    """Seconds by the clock for a whole evaluation and for a call that names none; processor seconds for a call."""

    evaluation: float
    call: float
    cpu: float | None


class TaskFiles:
    """The files of a task folder, as they were when they were first needed: every evaluator of a run is the same."""

    def __init__(self, folder: Path, entry: str) -> None:
        self.folder, self.entry = folder, entry
        self._reading = threading.Lock()

    @property
    def path(self) -> Path:
        """Where `evaluate` is defined."""
        return self.folder / self.entry

    def frames(self) -> Iterator[Frame]:
        """The requests that bring the files to an evaluator."""
        with self._reading:
            contents = self._contents
        pieces = [
            (name, start > 0, content[start : start + _PIECE])
            for name, content in contents.items()
            for start in range(0, len(content) or 1, _PIECE)
        ]
        while pieces:
            batch: list[tuple[str, bool, bytes]] = []
            size = 0
            while pieces and (not batch or size + len(pieces[0][2]) <= _PIECE):
                batch.append(pieces.pop(0))
                size += len(batch[-1][2])
            head = {"op": "load", "entry": self.entry, "more": bool(pieces)}
            files = [[name, False, append] for name, append, _ in batch]
            yield Frame({**head, "files": files}, tuple(content for *_, content in batch))

    @cached_property
    def _contents(self) -> dict[str, bytes]:
        try:
            return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self._walk(self.folder)}
        except OSError as error:
            raise TaskError(f"{error.filename} cannot be read: {error.strerror}") from error

    def _walk(self, folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name == "__pycache__":
                continue
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink() and not (path / ".git").exists():  # no runs
                yield from self._walk(path)


class Pair:
    """An evaluator that has loaded the task, and a place for a candidate. Used by one thread at a time."""

    def __init__(self, sandbox: Sandbox, limits: Limits, evaluator_limits: Limits, times: Times) -> None:
        self.doubtful = False
        self.splits = False
        self._times = times
        self._candidate = Candidate(sandbox.open("candidate", limits))
        try:
            self._evaluator = sandbox.open("evaluator", evaluator_limits)
        except BaseException:
            self._candidate.close()
            raise

    def close(self) -> None:
        """End both sessions."""
        self._candidate.close()
        self._evaluator.close()

    def load(self, task: TaskFiles) -> None:
        """Give the evaluator its files and have it import them. Raises `TaskError` when that does not work."""
        patience = _PATIENCE + self._times.evaluation
        for frame in task.frames():
            self._evaluator.send(frame)
            try:
                head = self._evaluator.receive(patience).head
            except TimeoutError:
                raise TaskError(f"{task.path} was not imported in {patience:g} s: move work into evaluate()") from None
            if head["op"] == "ended":
                raise TaskError(f"{task.path} cannot be imported: {head['error']}")
            if head.get("problem"):
                raise TaskError(f"{task.path} cannot be used:\n{head['problem']}")
            self.splits = head.get("splits", False)

    def evaluate(self, program: Program, split: Split, module: str | None, direction: Direction) -> Evaluation:
        """Score the program.

        Raises `CandidateGone` or another `SandboxFault`, and `TaskError` when there is no such split. Then, as after
        `doubtful` became true, the pair is to be closed.
        """
        if split == "held_out" and not self.splits:
            raise TaskError(
                "there are no held-out instances: give evaluate.py def evaluate(program, split) to have some"
            )
        nonce = secrets.token_hex(16)
        start = time.monotonic()
        self._candidate.load(program, module)
        self._evaluator.send(Frame({"op": "evaluate", "split": split, "nonce": nonce}))
        self._candidate.answer(0)
        answer = self._serve(program, start + self._times.evaluation)
        seconds = time.monotonic() - start
        took = self._candidate.ask(Frame({"op": "end"}), 0).head
        cost = Cost(seconds=seconds, cpu_seconds=took["cpu_seconds"], memory_bytes=took["memory_bytes"])
        if isinstance(answer, str):
            return stopped("timeout", answer, cost=cost)
        return self._judge(answer, nonce, direction, cost)

    def _serve(self, program: Program, deadline: float) -> Frame | str:
        """Pass the evaluator's questions on until it answers: its answer, or why the time was over before."""
        over = ""
        while True:
            try:
                question = self._evaluator.receive(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.doubtful = True
                return over or f"the evaluator did not finish within {self._times.evaluation:g} s"
            op = question.head["op"]
            if op == "files":
                answer = Frame({"op": "done", "paths": list(program.files)}, tuple(program.files.values()))
            elif op not in {"call", "run"}:
                return over or question
            elif over:
                self.doubtful = True  # it goes on although there is no time: nobody waits for it
                return over
            else:
                answer, cut = self._relay(question, deadline - time.monotonic())
                if cut:
                    over = f"the evaluation did not finish within {self._times.evaluation:g} s"
                    deadline = time.monotonic() + _GRACE
            self._evaluator.send(answer)

    def _relay(self, question: Frame, left: float) -> tuple[Frame, bool]:
        """The candidate's answer; and whether it was stopped for the sake of the whole evaluation's time."""
        timeout = self._times.call if question.head["timeout"] is None else question.head["timeout"]
        seconds = max(0.001, min(timeout, left))
        answer = self._candidate.ask(
            Frame({**question.head, "timeout": seconds, "cpu": self._times.cpu}, question.buffers), seconds
        )
        return answer, answer.head.get("kind") == "timeout" and left < timeout

    def _judge(self, answer: Frame, nonce: str, direction: Direction, cost: Cost) -> Evaluation:
        head = answer.head
        if head["op"] == "ended":
            self.doubtful = True
            return stopped("evaluator", head["error"], cost=cost)
        if head.get("nonce") != nonce:
            raise SandboxFault("the evaluator answered another request than the one it was sent")
        if head["op"] == "raised":
            self.doubtful = self.doubtful or head.get("tired", False)
            return stopped(head["kind"], head["error"], output=head["output"], cost=cost)
        try:
            value = unpack(*answer.buffers)
        except DataError as error:
            return stopped("evaluator", f"what evaluate() returned is no data: {error}", cost=cost)
        return accept(value, direction=direction, notes=tuple(head["notes"]), cost=cost)


class Candidate:
    """A candidate's session. Whatever goes wrong with it is a `CandidateGone`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.close = session.close

    def load(self, program: Program, module: str | None) -> None:
        """Ask for the program to be put into its folder; `answer` says when it is."""
        files = [[path, path in program.executables, False] for path in program.files]
        head = {"op": "load", "files": files, "module": _module(program) if module is None else module}
        self._send(Frame(head, tuple(program.files.values())))

    def ask(self, frame: Frame, seconds: float) -> Frame:
        """What the supervisor answers, which takes at most `seconds` when it is well."""
        self._send(frame)
        return self.answer(seconds)

    def answer(self, seconds: float) -> Frame:
        """The next answer."""
        try:
            return self._session.receive(seconds + _PATIENCE)
        except (SandboxFault, TimeoutError) as fault:
            raise CandidateGone(str(fault)) from fault

    def _send(self, frame: Frame) -> None:
        try:
            self._session.send(frame)
        except SandboxFault as fault:
            raise CandidateGone(str(fault)) from fault


def probe(sandbox: Sandbox, limits: Limits) -> None:
    """Raise `SandboxFault` unless a candidate's session can be opened and used now."""
    candidate = Candidate(sandbox.open("candidate", limits))
    try:
        candidate.load(Program({}), "")
        candidate.answer(0)
    finally:
        candidate.close()


def _module(program: Program) -> str:
    """The module whose functions are called: of the only Python file, else of program.py or main.py, else none."""
    sources = [path for path in program.files if path.endswith(".py")]
    for path in sources if len(sources) == 1 else ("program.py", "main.py"):
        if path in sources:
            return path.removesuffix(".py").replace("/", ".")
    return ""
