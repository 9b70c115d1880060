"""A model that is none: it answers prompts with random edits of the program that it is shown, for free.

Prompts, plumbing and policies of a search can be tried with it, of this search and of others. It never sees a score:
what it answers depends on its seed, on the request, and on how often it had that request before. It has structure that
a search can find: some ideas come out well only in a program that already has others, and a prompt that shows an idea
in another program makes it more likely; what another program has is taken over now and then.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from dataclasses import astuple, dataclass

import numpy as np

from evolve.errors import ModelFault
from evolve.models.transcript import request_hash
from evolve.proposers._dice import Dice
from evolve.simulated_answer import damaged, written
from evolve.simulated_ideas import IDEAS, changed
from evolve.simulated_prompt import read
from evolve.types import Finish, Reply, Request, Usage

__all__ = ["IDEAS", "VERSION", "Rates", "SimulatedModel"]

VERSION = 1
"""Of the answers. Searches are compared on one version only; whoever changes an answer raises it."""

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often an answer is of each kind: shares, which need not sum to 1. `slow` and `failing` come on top of that.

    `bad` programs raise, or lose what an idea needs; `malformed` answers cannot be applied; `refused` ones say no.
    """

    good: float = 0.75
    bad: float = 0.1
    malformed: float = 0.1
    refused: float = 0.05
    slow: float = 0.0
    failing: float = 0.0

    def __post_init__(self) -> None:
        if any(not rate >= 0 for rate in astuple(self)) or self.good + self.bad + self.malformed + self.refused <= 0:
            raise ValueError("rates are at least 0, and one of good, bad, malformed and refused is above it")


class SimulatedModel:
    """Answers by random edits: the same one whenever a request comes for the first time, another when it comes again.

    Args:
        name: as transcripts call it.
        rates: how often its answers are of which kind.
        seed: of its random choices.
        seconds: that an answer takes; a slow one takes ten times as long.
    """

    def __init__(
        self, name: str = "simulated", *, rates: Rates | None = None, seed: int = 0, seconds: float = 0.0
    ) -> None:
        self.name = name
        self._rates = rates or Rates()
        self._seed = seed
        self._seconds = seconds
        self._asked: Counter[str] = Counter()
        self._turn = threading.Lock()
        self.cpu_seconds = 0.0
        """Processor time of all answers so far: not the search's, though it is asked in the search's process."""

    def __str__(self) -> str:
        """That it is none."""
        return f"{self.name}, which is no model: random edits, for free"

    def complete(self, request: Request) -> Reply:
        """A random answer. Raises `ModelFault`, unsent, as often as the rates say."""
        begun = time.thread_time()
        try:
            return self._reply(request)
        finally:
            with self._turn:
                self.cpu_seconds += time.thread_time() - begun

    def _reply(self, request: Request) -> Reply:
        asked = request_hash(self.name, request)
        with self._turn:
            repetition = self._asked[asked]
            self._asked[asked] += 1
        digest = hashlib.blake2b(f"{self._seed} {asked} {repetition}".encode(), digest_size=16).digest()
        dice = Dice(np.random.default_rng(int.from_bytes(digest, "big")))
        slow, failing = dice.chance(self._rates.slow), dice.chance(self._rates.failing)
        seconds = self._seconds * (10 if slow else 1)
        time.sleep(seconds)
        if failing:
            raise ModelFault(f"{self.name} fails, as it was told to", sent=False)
        text, finish = self._answer(request, dice)
        given, said = _tokens(request), _count(text)
        if said > request.max_tokens:
            text, finish, said = text[: request.max_tokens * _BYTES_PER_TOKEN // 4], "length", request.max_tokens
        usage = Usage(calls=1, input_tokens=given, output_tokens=said)
        return Reply(text=text, finish=finish, model=self.name, usage=usage, seconds=seconds)

    def most(self, request: Request) -> Usage:
        """What the answer may take; it costs nothing."""
        return Usage(calls=1, input_tokens=_tokens(request), output_tokens=request.max_tokens)

    def close(self) -> None:
        """Nothing was started."""

    def _answer(self, request: Request, dice: Dice) -> tuple[str, Finish]:
        rates = self._rates
        kind = dice.weighted(
            [(rates.good, "good"), (rates.bad, "bad"), (rates.malformed, "malformed"), (rates.refused, "refused")]
        )
        if kind == "refused":
            return "I cannot help with that.", "refusal"
        shown = read(request.messages)
        if shown is None:
            return "There is no program in what I was shown.", "stop"
        after, said = changed(shown, dice, bad=kind == "bad")
        if after is None or after.files == shown.program.files:
            return "I would change nothing.", "stop"
        answer = written(shown, after, said)
        return damaged(answer, dice) if kind == "malformed" else answer, "stop"


def _tokens(request: Request) -> int:
    return sum(_count(text) for _, text in request.messages)


def _count(text: str) -> int:
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)
