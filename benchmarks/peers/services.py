"""What a peer is pointed at: the simulated model, and our evaluator behind HTTP. Both note what they are asked."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evolve.bench.cpu import tree_seconds
from evolve.errors import ModelFault
from evolve.simulated import SimulatedModel
from evolve.task import Task
from evolve.types import Evaluator, Program, Reply, Request

__all__ = ["CountedModel", "Ledger", "Moment", "ScoreServer", "serving"]


@dataclass
class Moment:
    """An evaluation: what had been used when it began, and what came of it."""

    calls: int
    tokens: int
    cpu_seconds: float
    seconds: float
    score: float = math.nan


class Ledger:
    """What a run has used. `pid` is the process whose time counts, with all below it, without that of the model."""

    def __init__(self, pid: int) -> None:
        self.calls = 0
        self.moments: list[Moment] = []
        self.running = 0
        self.last = time.monotonic()
        self._pid = pid
        self._tokens = 0
        self._of_model: Callable[[], float] = lambda: 0.0
        self._began = time.monotonic()
        self._used_before = tree_seconds(pid)
        self._turn = threading.Lock()

    def leave_out(self, of_model: Callable[[], float]) -> None:
        """The processor time of the model, which is asked in this process."""
        self._of_model = of_model

    def answered(self, reply: Reply) -> None:
        """Of the model."""
        with self._turn:
            self.calls += 1
            self._tokens += reply.usage.input_tokens + reply.usage.output_tokens
            self.last = time.monotonic()

    def now(self) -> Moment:
        """What has been used so far."""
        used = tree_seconds(self._pid) - self._used_before - self._of_model()
        before = self.moments[-1].cpu_seconds if self.moments else 0.0  # what was killed drops out of the total
        return Moment(self.calls, self._tokens, max(used, before), time.monotonic() - self._began)

    def begin(self) -> Moment:
        """An evaluation; the answer that it is for has been given by now."""
        with self._turn:
            moment = self.now()
            self.moments.append(moment)
            self.running += 1
            return moment

    def end(self, moment: Moment, score: float | None) -> None:
        """The evaluation that began then."""
        with self._turn:
            moment.score = math.nan if score is None else score
            self.running -= 1
            self.last = time.monotonic()


class CountedModel(SimulatedModel):
    """The simulated model, `limit` times. Who asks once more waits until `stop`."""

    def __init__(self, ledger: Ledger, *, limit: int, seed: int) -> None:
        super().__init__(seed=seed)
        self._ledger = ledger
        ledger.leave_out(lambda: self.cpu_seconds)
        self._left = threading.Semaphore(limit)
        self._stopped = threading.Event()

    def complete(self, request: Request) -> Reply:
        """As the simulated model does."""
        if not self._left.acquire(blocking=False):
            self._stopped.wait()
            raise ModelFault("the run is over", sent=False)
        reply = super().complete(request)
        self._ledger.answered(reply)
        return reply

    def stop(self) -> None:
        """Let go of whoever waits."""
        self._stopped.set()


class ScoreServer(ThreadingHTTPServer):
    """Takes a program's text by POST and answers what it scores, turned so that higher is better and all is above 0.

    Scores that are to be maximised are told as they are where the seed's is above 0, else as 1 + s, and 1 / (1 - s)
    below 0; those that are to be minimised as the seed's score divided by the program's.
    """

    daemon_threads = True

    def __init__(self, task: Task, evaluator: Evaluator, ledger: Ledger) -> None:
        (self.path,) = task.seed.files
        self.evaluator = evaluator
        self.ledger = ledger
        self._maximize = task.settings.task.direction == "maximize"
        seed = evaluator.evaluate(task.seed).score
        if seed is None or (seed <= 0 and not self._maximize):
            raise SystemExit(f"{task.settings.task.name}: the seed scores {seed}, and a peer is told scores above 0")
        self._of_seed = seed
        super().__init__(("127.0.0.1", 0), _Handler)

    def told(self, score: float | None) -> float | None:
        """A score as the peer is told it."""
        if score is None or (self._maximize and self._of_seed > 0):
            return score
        if self._maximize:
            return 1.0 + score if score > 0 else 1.0 / (1.0 - score)
        return self._of_seed / score if score > 0 else None


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """While it answers, in a thread of its own."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: ScoreServer

    def do_POST(self) -> None:
        server = self.server
        content = self.rfile.read(int(self.headers["Content-Length"]))
        moment = server.ledger.begin()
        score, feedback = None, ""
        try:
            evaluation = server.evaluator.evaluate(Program({server.path: content}))
            score, feedback = evaluation.score, evaluation.feedback
        finally:
            server.ledger.end(moment, score)
        answer = json.dumps({"combined_score": server.told(score), "feedback": feedback}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
