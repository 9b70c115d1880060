"""What a scaffold asks in one call: on many threads, and once more when its session broke."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

from evolve.models.evaluations import files_hash
from evolve.models.gateway_chat import Refusal
from evolve.models.transcript import request_hash
from evolve.types import Model, Reply, Request

__all__ = ["Evaluate", "Questions"]

Evaluate: TypeAlias = Callable[[Mapping[str, str | None]], Mapping[str, Any]]
"""What files would score, as `Gateway` takes it."""


class Questions:
    """Asks models and evaluators, and knows for how long nobody was asked. What one call was answered is `known` to a
    second try, which does not pay for it again."""

    def __init__(self, ask: Callable[[Model, Request], Reply]) -> None:
        self._ask = ask
        self._turn = Lock()
        self._flying = 0
        self._since = 0.0
        self._idle = 0.0
        self._answers: list[_Answer] = []
        self._known: list[_Answer] = []
        self._evaluate: Evaluate | None = None
        self.last = ("", "")

    def begin(self, evaluate: Evaluate | None) -> None:
        """Another call of the scaffold."""
        with self._turn:
            self._answers, self._known, self.last = [], [], ("", "")
            self._evaluate = evaluate
            self._idle, self._since = 0.0, time.monotonic()

    def again(self) -> None:
        """The same call once more."""
        with self._turn:
            self._known, self._answers, self.last = self._answers, [], ("", "")
            self._idle, self._since = 0.0, time.monotonic()

    def idle(self) -> float:
        """Seconds of this call in which no model was asked."""
        with self._turn:
            return self._idle + (time.monotonic() - self._since if not self._flying else 0.0)

    def known(self, key: str) -> Any:
        """What the question with this hash was answered before the session broke, once for each time; else None."""
        with self._turn:
            found = next((answer for answer in self._known if answer.key == key), None)
            if found is None:
                return None
            self._known.remove(found)
            self._keep(found)
            return found.said

    def __call__(self, model: Model, request: Request) -> Reply:
        """One answer. Raises as `ask` does."""
        with self._asking():
            reply = self._ask(model, request)
        with self._turn:
            self._keep(_Answer(request_hash(model.name, request), reply, (model.name, reply.text)))
        return reply

    def evaluate(self, files: Mapping[str, str | None]) -> Mapping[str, Any]:
        """What the files score. Raises as `evaluate` of this call does."""
        if (evaluate := self._evaluate) is None:
            raise Refusal(429, "lease_exhausted", "no evaluation is left of the lease")
        with self._asking():
            found = evaluate(files)
        with self._turn:
            self._keep(_Answer(files_hash(files), found))
        return found

    def _keep(self, answer: _Answer) -> None:
        self._answers.append(answer)
        self.last = answer.last or self.last

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """For as long as somebody else works."""
        with self._turn:
            if not self._flying:
                self._idle += time.monotonic() - self._since
            self._flying += 1
        try:
            yield
        finally:
            with self._turn:
                self._flying -= 1
                self._since = time.monotonic()


@dataclass(frozen=True, eq=False)
class _Answer:
    """To the question with the hash `key`; `last` is what `Questions.last` is after it, if it was a model's."""

    key: str
    said: Any
    last: tuple[str, str] | None = None
