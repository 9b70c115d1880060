"""Two sessions, an evaluator's and a candidate's, and the frames that the engine passes between them."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.candidates import Candidate, Candidates
from evolve.evaluation.result import accept, stopped
from evolve.evaluation.rules import Rules
from evolve.folders import task_files
from evolve.frames import DataError, Frame, unpack
from evolve.types import Cost, Evaluation, Limits, Program, Sandbox, Split

__all__ = ["Pair", "Request", "TaskFiles", "Times", "probe"]

_PIECE = 16 * 2**20  # bytes of the task's files in one frame
_PATIENCE = 90.0  # seconds beyond its limits within which a harness that is well answers
_SHOWN = 8_000  # characters of what a failed build printed
_TIMEOUT = ", the timeout in task.toml"
_NOT_FOUND = 127  # the exit code of what is not there, as in a shell
_GRACE = 1.0  # seconds that an evaluator has to return after the time for the evaluation is over


@dataclass(frozen=True)
class Times:
    """Seconds by the clock for a whole evaluation, for a call that names none and for a build; processor seconds for a
    call."""

    evaluation: float
    call: float
    cpu: float | None
    build: float = 60.0


@dataclass(frozen=True)
class Request:
    """What is asked of an evaluator: `stage` is one of its stages, or None for all of them in order."""

    split: Split = "search"
    seed: int = 0
    stage: str | None = None


class TaskFiles:
    """The files of a task folder, as they were when they were first needed: every evaluator of a run is the same.

    `extra` are files that are given to the evaluator as if they were in the folder.
    """

    def __init__(self, folder: Path, entry: str, extra: Mapping[str, bytes]) -> None:
        self.folder, self.entry = folder, entry
        self._extra = extra
        self._reading = threading.Lock()

    @property
    def path(self) -> Path:
        """Where `evaluate` is defined."""
        return self.folder / self.entry

    def frames(self, rules: Rules) -> Iterator[Frame]:
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
            head = {
                "op": "load",
                "entry": self.entry,
                "more": bool(pieces),
                "thresholds": list(rules.thresholds),
                "minimize": rules.direction == "minimize",
            }
            files = [[name, False, append] for name, append, _ in batch]
            yield Frame({**head, "files": files}, tuple(content for *_, content in batch))

    @cached_property
    def _contents(self) -> Mapping[str, bytes]:
        return {**task_files(self.folder).files, **self._extra}


class Pair:
    """An evaluator that has loaded the task, and one candidate after another. Used by one thread at a time.

    `splits` and `seeds` say whether the evaluator knows of them, `stages` are the names of its stages.
    """

    def __init__(
        self, sandbox: Sandbox, candidates: Candidates, evaluator_limits: Limits, times: Times, rules: Rules
    ) -> None:
        self.doubtful = False
        self.splits = self.seeds = False
        self.stages: tuple[str, ...] = ()
        self._times, self._rules = times, rules
        self._candidates = candidates
        self._evaluator = sandbox.open("evaluator", evaluator_limits)
        self.close = self._evaluator.close

    def load(self, task: TaskFiles) -> None:
        """Give the evaluator its files and have it import them. Raises `TaskError` when that does not work."""
        patience = _PATIENCE + self._times.evaluation
        for frame in task.frames(self._rules):
            self._evaluator.send(frame)
            try:
                head = self._evaluator.receive(patience).head
            except TimeoutError:
                raise TaskError(f"{task.path} was not imported in {patience:g} s: move work into evaluate()") from None
            if head["op"] == "ended":
                raise TaskError(f"{task.path} cannot be imported: {head['error']}")
            if head.get("problem"):
                raise TaskError(f"{task.path} cannot be used:\n{head['problem']}")
            self.splits, self.seeds = head.get("splits", False), head.get("seeds", False)
            self.stages = tuple(head.get("stages", ()))

    def evaluate(self, program: Program, request: Request, *, fresh: bool = False) -> Evaluation:
        """Score the program; with `fresh`, in a candidate's session that was opened just now.

        Raises `CandidateGone` or another `SandboxFault`, and `TaskError` when there is no such split or stage. Then, as
        after `doubtful` became true, the pair is to be closed.
        """
        if request.split == "held_out" and not self.splits:
            raise TaskError(
                "there are no held-out instances: give evaluate.py def evaluate(program, split) to have some"
            )
        if request.stage is not None and request.stage not in self.stages:
            raise TaskError(f"there is no stage {request.stage!r}; there are {', '.join(self.stages)}")
        candidate = self._candidates.take(fresh=fresh)
        try:
            return self._score(candidate, program, request)
        finally:
            self._candidates.give(candidate)

    def _score(self, candidate: Candidate, program: Program, request: Request) -> Evaluation:
        nonce = secrets.token_hex(16)
        start = time.monotonic()
        candidate.load(self._rules.laid(program), self._rules.module)
        if self._rules.build and (failed := self._build(candidate, start)):
            return failed
        head = {"op": "evaluate", "split": request.split, "seed": request.seed, "stage": request.stage, "nonce": nonce}
        self._evaluator.send(Frame(head))
        answer = self._serve(candidate, program, time.monotonic() + self._times.evaluation)
        cost = self._end(candidate, start)
        if isinstance(answer, str):
            return stopped("timeout", answer, cost=cost)
        return self._judge(answer, request, nonce, cost)

    def _build(self, candidate: Candidate, start: float) -> Evaluation | None:
        """Run the build command in the program's folder: what came of it when it failed, else None."""
        argv, seconds = list(self._rules.build), self._times.build
        told = ", the build_timeout in task.toml"
        frame = Frame({"op": "run", "argv": argv, "timeout": seconds, "cpu": None, "told": told}, (b"",))
        built = candidate.ask(frame, seconds)
        name = " ".join(argv)
        if built.head["op"] == "stopped":
            error, kind, output = (
                f"the build ({name}) failed: {built.head['error']}",
                built.head["kind"],
                built.head["output"],
            )
        elif built.head["returncode"]:
            error, kind = f"the build ({name}) {_ending(built.head['returncode'], argv[0])}", "failed"
            output = b"\n".join(filter(None, built.buffers)).decode(errors="replace")[-_SHOWN:]
        else:
            return None
        return stopped(kind, error, output=output, cost=self._end(candidate, start))

    @staticmethod
    def _end(candidate: Candidate, start: float) -> Cost:
        """End the program; what it took from `start` on."""
        seconds = time.monotonic() - start
        took = candidate.end().head
        return Cost(seconds=seconds, cpu_seconds=took["cpu_seconds"], memory_bytes=took["memory_bytes"])

    def _serve(self, candidate: Candidate, program: Program, deadline: float) -> Frame | str:
        """Pass the evaluator's questions on until it answers: its answer, or why the time was over before."""
        over = ""
        while True:
            try:
                question = self._evaluator.receive(max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                self.doubtful = True
                return over or f"evaluate() did not return within {self._times.evaluation:g} s{_TIMEOUT}"
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
                    name = question.head["function"] if op == "call" else question.head["argv"][0]
                    over = f"{name}: stopped when the evaluation had taken {self._times.evaluation:g} s{_TIMEOUT}"
                    deadline = time.monotonic() + _GRACE
            self._evaluator.send(answer)

    def _relay(self, candidate: Candidate, question: Frame, left: float) -> tuple[Frame, bool]:
        """The candidate's answer; and whether it was stopped for the sake of the whole evaluation's time."""
        asked = question.head["timeout"]
        timeout = self._times.call if asked is None else asked
        seconds = max(0.001, min(timeout, left))
        told = ", the timeout that evaluate() gave" if asked is not None else ", the call_timeout in task.toml"
        if left < timeout:
            told = ", all that was left of the timeout in task.toml"
        answer = candidate.ask(
            Frame({**question.head, "timeout": seconds, "cpu": self._times.cpu, "told": told}, question.buffers),
            seconds,
        )
        return answer, answer.head.get("kind") == "timeout" and left < timeout

    def _judge(self, answer: Frame, request: Request, nonce: str, cost: Cost) -> Evaluation:
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
        return accept(
            value,
            direction=self._rules.direction,
            # a stage that is asked for alone need not know of them, unless it is the last
            objectives=self._rules.objectives if request.stage in {None, *self.stages[-1:]} else {},
            screened=head["screened"],
            notes=tuple(head["notes"]),
            problem=head["problem"],
            cost=cost,
        )


def _ending(returncode: int, name: str) -> str:
    """How a build that failed ended, in words."""
    if returncode == _NOT_FOUND:
        return (
            f"ended with exit code 127: {name}, or what it runs, is not there where programs run; [sandbox] in "
            f"task.toml can name an image that has it"
        )
    if returncode == -signal.SIGXFSZ:
        return "was killed for a file larger than disk_mb in task.toml allows"
    if returncode < 0:
        return f"was killed by signal {-returncode}"
    return f"ended with exit code {returncode}"


def probe(sandbox: Sandbox, limits: Limits) -> None:
    """Raise `SandboxFault` unless a candidate's session can be opened and used now."""
    candidate = Candidate(sandbox.open("candidate", limits))
    try:
        candidate.load(Program({}), "")
        candidate.end()
    finally:
        candidate.close()
