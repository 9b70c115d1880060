"""Models for tests, and what any model must do: a suite for authors of models.

class TestMine(ModelSuite):
    def make(self) -> Model:
        return MyModel(...)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

from evolve.types import Finish, Model, Reply, Request, Usage

__all__ = ["ModelSuite", "ScriptedModel"]

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


class ModelSuite:
    """What the loop and the meter count on. `make` gives a model that answers, a new one each time."""

    def make(self) -> Model:
        """The model under test."""
        raise NotImplementedError

    def test_it_has_a_name_that_fits_on_a_line(self) -> None:
        """Options, transcripts and commits call it by that."""
        model = self.make()
        assert model.name
        assert model.name.isprintable()
        model.close()

    def test_an_answer_takes_no_more_than_the_most(self) -> None:
        """Else a budget could be passed; it is one call, and says how it ended."""
        model = self.make()
        for text in ("hello", "x = 1\n" * 200, "", "\0", "é\N{SNOWMAN}" * 50, "half of a pair: \ud800"):
            request = Request(messages=(("system", "Be brief."), ("user", text)), max_tokens=64)
            most, reply = model.most(request), model.complete(request)
            used = reply.usage
            assert used.calls == most.calls == 1
            assert 0 <= used.input_tokens <= most.input_tokens
            assert 0 <= used.output_tokens <= most.output_tokens
            assert 0 <= used.nanodollars <= most.nanodollars
            assert reply.finish in get_args(Finish)
            assert isinstance(reply.text, str)
            assert reply.seconds >= 0
        model.close()

    def test_the_most_grows_with_the_request(self) -> None:
        """A longer prompt and a longer answer never take less, and asking for the most asks nobody."""
        model = self.make()

        def tokens(text: str, bound: int) -> tuple[int, int]:
            most = model.most(Request(messages=(("user", text),), max_tokens=bound))
            return most.input_tokens + most.output_tokens, most.nanodollars

        ladder = [tokens("a" * length, bound) for length, bound in ((1, 1), (1, 100), (1000, 100), (100_000, 10_000))]
        assert ladder == sorted(ladder)
        assert tokens("a", 1) == ladder[0]
        model.close()

    def test_many_threads_may_ask(self) -> None:
        """At the same time, each for itself."""
        model = self.make()
        requests = [Request(messages=(("user", f"question {number}"),), max_tokens=32) for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(model.complete, requests))
        assert len(replies) == 16
        assert all(reply.usage.calls == 1 for reply in replies)
        model.close()

    def test_it_may_be_closed_twice(self) -> None:
        """Before it was asked anything, and after."""
        model = self.make()
        model.close()
        model.close()
        model = self.make()
        model.complete(Request(messages=(("user", "hello"),), max_tokens=32))
        model.close()
        model.close()
