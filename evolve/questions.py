"""What a scaffold asks in one call: on many threads, and once more when its session broke."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeAlias

from evolve.models.gateway_chat import Refusal
from evolve.models.transcript import request_hash
from evolve.types import Model, Reply, Request

__all__ = ["Evaluate", "Questions"]

Evaluate: TypeAlias = Callable[[Mapping[str, str | None]], Mapping[str, Any]]
"""What files would score, as `Gateway` takes it."""


class Questions:
    """Asks models and evaluators, and knows for how long nobody was asked. What one call was answered is there for a
    second try."""

    def __init__(self, ask: Callable[[Model, Request], Reply]) -> None:
        self._ask = ask
        self._turn = Lock()
        self._flying = 0
        self._since = 0.0
        self._idle = 0.0
        self._replies: list[tuple[str, Any]] = []
        self._known: deque[tuple[str, Any]] = deque()
        self._evaluate: Evaluate | None = None
        self.last = ("", "")

    def begin(self, evaluate: Evaluate | None) -> None:
        """Another call of the scaffold."""
        with self._turn:
            self._replies, self._known, self.last = [], deque(), ("", "")
            self._evaluate = evaluate
            self._idle, self._since = 0.0, time.monotonic()

    def again(self) -> None:
        """The same call once more."""
        with self._turn:
            self._known = deque(self._replies)
            self._replies = []
            self._idle, self._since = 0.0, time.monotonic()

    def idle(self) -> float:
        """Seconds of this call in which no model was asked."""
        with self._turn:
            return self._idle + (time.monotonic() - self._since if not self._flying else 0.0)

    def __call__(self, model: Model, request: Request) -> Reply:
        """One answer. Raises as `ask` does."""
        reply: Reply = self._answered(request_hash(model.name, request), lambda: self._ask(model, request))
        with self._turn:
            self.last = (model.name, reply.text)
        return reply

    def evaluate(self, files: Mapping[str, str | None]) -> Mapping[str, Any]:
        """What the files score. Raises as `evaluate` of this call does."""
        if (evaluate := self._evaluate) is None:
            raise Refusal(429, "lease_exhausted", "no evaluation is left of the lease")
        found: Mapping[str, Any] = self._answered(json.dumps(files, sort_keys=True), lambda: evaluate(files))
        return found

    def _answered(self, key: str, ask: Callable[[], Any]) -> Any:
        with self._turn:
            known = next((item for item in self._known if item[0] == key), None)
            if known is not None:
                self._known.remove(known)
            if not self._flying:
                self._idle += time.monotonic() - self._since
            self._flying += 1
        try:
            reply = known[1] if known is not None else ask()
            with self._turn:
                self._replies.append((key, reply))
            return reply
        finally:
            with self._turn:
                self._flying -= 1
                self._since = time.monotonic()
