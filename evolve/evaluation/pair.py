"""Two sessions, an evaluator's and a candidate's, and the frames that the engine passes between them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.candidates import Candidate, Candidates
from evolve.evaluation.result import Direction, accept, stopped
from evolve.folders import task_files
from evolve.frames import DataError, Frame, unpack
from evolve.types import Cost, Evaluation, Limits, Program, Sandbox, Split

__all__ = ["Pair", "TaskFiles", "Times", "probe"]

_PIECE = 16 * 2**20  # bytes of the task's files in one frame
_PATIENCE = 90.0  # seconds beyond its limits within which a harness that is well answers
_GRACE = 1.0  # seconds that an evaluator has to return after the time for the evaluation is over


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
    def _contents(self) -> Mapping[str, bytes]:
        return task_files(self.folder).files


class Pair:
    """An evaluator that has loaded the task, and one candidate after another. Used by one thread at a time."""

    def __init__(self, sandbox: Sandbox, candidates: Candidates, evaluator_limits: Limits, times: Times) -> None:
        self.doubtful = False
        self.splits = False
        self._times = times
        self._candidates = candidates
        self._evaluator = sandbox.open("evaluator", evaluator_limits)
        self.close = self._evaluator.close

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

    def evaluate(
        self, program: Program, split: Split, module: str | None, direction: Direction, *, fresh: bool = False
    ) -> Evaluation:
        """Score the program; with `fresh`, in a candidate's session that was opened just now.

        Raises `CandidateGone` or another `SandboxFault`, and `TaskError` when there is no such split. Then, as after
        `doubtful` became true, the pair is to be closed.
        """
        if split == "held_out" and not self.splits:
            raise TaskError(
                "there are no held-out instances: give evaluate.py def evaluate(program, split) to have some"
            )
        candidate = self._candidates.take(fresh=fresh)
        try:
            return self._score(candidate, program, split, module, direction)
        finally:
            self._candidates.give(candidate)

    def _score(
        self, candidate: Candidate, program: Program, split: Split, module: str | None, direction: Direction
    ) -> Evaluation:
        nonce = secrets.token_hex(16)
        start = time.monotonic()
        candidate.load(program, module)
        self._evaluator.send(Frame({"op": "evaluate", "split": split, "nonce": nonce}))
        candidate.answer(0)
        answer = self._serve(candidate, program, start + self._times.evaluation)
        seconds = time.monotonic() - start
        took = candidate.end().head
        cost = Cost(seconds=seconds, cpu_seconds=took["cpu_seconds"], memory_bytes=took["memory_bytes"])
        if isinstance(answer, str):
            return stopped("timeout", answer, cost=cost)
        return self._judge(answer, nonce, direction, cost)

    def _serve(self, candidate: Candidate, program: Program, deadline: float) -> Frame | str:
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
                answer, cut = self._relay(candidate, question, deadline - time.monotonic())
                if cut:
                    over = f"the evaluation did not finish within {self._times.evaluation:g} s"
                    deadline = time.monotonic() + _GRACE
            self._evaluator.send(answer)

    def _relay(self, candidate: Candidate, question: Frame, left: float) -> tuple[Frame, bool]:
        """The candidate's answer; and whether it was stopped for the sake of the whole evaluation's time."""
        timeout = self._times.call if question.head["timeout"] is None else question.head["timeout"]
        seconds = max(0.001, min(timeout, left))
        answer = candidate.ask(
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


def probe(sandbox: Sandbox, limits: Limits) -> None:
    """Raise `SandboxFault` unless a candidate's session can be opened and used now."""
    candidate = Candidate(sandbox.open("candidate", limits))
    try:
        candidate.load(Program({}), "")
        candidate.answer(0)
    finally:
        candidate.close()
