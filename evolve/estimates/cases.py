"""What of a search cannot be measured beforehand, assumed twice: as it is when it is cheap, and when it is dear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evolve.estimates.measure import size
from evolve.models.prices import Price
from evolve.models.settings import ModelSettings
from evolve.services import answers_here
from evolve.types import Request

__all__ = ["CHEAP", "DEAR", "Assumed", "Case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What cannot be measured before a model was asked.

    `answer` is the tokens of an answer, thoughts included; `bytes_per_token` holds for prompts. An answer comes after
    `wait` seconds at so many `tokens_per_second`, and the share `again` of them is sent back. Where literals are tuned,
    the tuner uses the share `tuned` of the evaluations that a trial can earn it, and the share `last` of those that the
    best program may have in the end.
    """

    answer: int
    bytes_per_token: float
    wait: float
    tokens_per_second: float
    again: float
    tuned: float
    last: float


CHEAP = Assumed(answer=500, bytes_per_token=4.0, wait=1.0, tokens_per_second=100.0, again=0.05, tuned=0.1, last=0.1)
DEAR = Assumed(answer=6000, bytes_per_token=3.0, wait=5.0, tokens_per_second=50.0, again=0.3, tuned=0.5, last=1.0)


@dataclass(frozen=True, slots=True)
class Case:
    """A cheap search or a dear one: what its trials ask for, and how many evaluations one takes."""

    assumed: Assumed
    plans: Sequence[Sequence[Request]]
    times: int
    """How often a program is scored."""
    tuned: float
    """Programs of the tuner that a trial leads to."""
    last: float
    """Programs of the tuner in the end, when the best one has what is left to it."""
    asked: float
    """Evaluations that a proposal asks for; each scores a program once."""
    retries: bool
    """Later requests of a trial are second tries, which only some need."""

    @property
    def evaluations(self) -> float:
        """Of a trial, with those that its proposal asks for, and those of the tuner that it leads to."""
        return self.asked + self.times * (1.0 + self.tuned)

    @property
    def calls(self) -> float:
        """Of a trial, in the mean."""
        return sum(self._share(place) for plan in self.plans for place in range(len(plan))) / max(len(self.plans), 1)

    @property
    def input_tokens(self) -> float:
        """Of a call, in the mean."""
        asked = [(self._share(place), size(request)) for plan in self.plans for place, request in enumerate(plan)]
        calls = sum(share for share, _ in asked)
        return sum(share * asked for share, asked in asked) / calls / self.assumed.bytes_per_token if calls else 0.0

    @property
    def first(self) -> int:
        """The bytes of a first request, in the mean."""
        sizes = [size(plan[0]) for plan in self.plans if plan]
        return round(fmean(sizes)) if sizes else 0

    def output_tokens(self, model: ModelSettings) -> int:
        """Of an answer of that model."""
        bounds = [model.bound(plan[0]) for plan in self.plans if plan]
        return min([self.assumed.answer, *bounds])

    def seconds(self, model: ModelSettings) -> float:
        """Until its answer is there."""
        if answers_here(model):
            return 0.0
        seconds = self.assumed.wait + self.output_tokens(model) / self.assumed.tokens_per_second
        return min(seconds, model.timeout)

    def nanodollars(self, model: ModelSettings) -> int:
        """What a call of that model costs, nothing of its prompt cached."""
        price = Price.parse(model.price)
        return price.nanodollars(input_tokens=round(self.input_tokens), output_tokens=self.output_tokens(model))

    def _share(self, place: int) -> float:
        return self.assumed.again**place if self.retries else 1.0
