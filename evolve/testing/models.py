"""Models for tests: what they answer is written down beforehand. Nothing is patched, and nothing leaves the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from evolve.types import Reply, Request, Usage

__all__ = ["ScriptedModel"]

Answer = str | Reply | Exception


class ScriptedModel:
    """Gives the answers of a list, one after another, or what a function of the request says; an exception is raised.

    Text costs as many tokens as it has words and `price` nano-dollars a token; at most `max_tokens` of the request, and
    1,000 for the question. `requests` are those that reached it.
    """

    def __init__(
        self, answers: Sequence[Answer] | Callable[[Request], Answer], *, name: str = "scripted", price: int = 1000
    ) -> None:
        self.name = name
        self.requests: list[Request] = []
        self._answers = answers
        self._price = price
        self._turn = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """The next answer."""
        with self._turn:
            number = len(self.requests)
            self.requests.append(request)
        answer = self._answers(request) if callable(self._answers) else self._answers[number]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        asked = sum(len(text.split()) for _, text in request.messages)
        said = len(answer.split())
        usage = Usage(calls=1, input_tokens=asked, output_tokens=said, nanodollars=(asked + said) * self._price)
        return Reply(text=answer, finish="stop" if answer else "empty", model=self.name, usage=usage)

    def most(self, request: Request) -> Usage:
        """A thousand tokens for the question, and what the answer may have."""
        tokens = 1000 + request.max_tokens
        return Usage(calls=1, input_tokens=1000, output_tokens=request.max_tokens, nanodollars=tokens * self._price)

    def close(self) -> None:
        """Nothing was started."""
