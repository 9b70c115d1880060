"""Estimate: what a run is likely to cost, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from evolve.archives.tuned import Tuned
from evolve.config import Parts, prepare
from evolve.errors import TaskError
from evolve.estimates.forecast import Pace, Reserve, Total, forecast, interval
from evolve.estimates.measure import PRETENDED, Timing, ask, largest, pretend, size, time_evaluations, tunable
from evolve.models.prices import Price
from evolve.models.settings import ModelSettings, stored_models
from evolve.options import Options
from evolve.proposers.apart import Apart
from evolve.proposers.llm import LLM
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.proposers.woven import Woven
from evolve.scoring import make_evaluator
from evolve.services import answers_here
from evolve.task import Task
from evolve.types import Reply, Request, Usage

__all__ = ["CHEAP", "DEAR", "Assumed", "Estimate", "ModelCosts", "Most", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What cannot be measured before a model was asked.

    `answer` is the tokens of an answer, thoughts included; `bytes_per_token` holds for prompts. An answer comes after
    `wait` seconds at so many `tokens_per_second`, and the share `again` of them is sent back. Where literals are tuned,
    the tuner uses the share `tuned` of the evaluations that a trial can earn it.
    """

    answer: int
    bytes_per_token: float
    wait: float
    tokens_per_second: float
    again: float
    tuned: float


CHEAP = Assumed(answer=500, bytes_per_token=4.0, wait=1.0, tokens_per_second=100.0, again=0.05, tuned=0.1)
DEAR = Assumed(answer=6000, bytes_per_token=3.0, wait=5.0, tokens_per_second=50.0, again=0.3, tuned=0.5)

_ENDLESS = 2**31  # tokens of an answer: as many as it may have


class _Priced:
    """A model that is not there: its settings know what an answer may take."""

    def __init__(self, settings: ModelSettings) -> None:
        self.name = settings.name
        self._settings = settings

    def complete(self, request: Request) -> Reply:
        """Raises `AssertionError`."""
        raise AssertionError(f"an estimate asks no model, and {self.name} was asked for {request.max_tokens} tokens")

    def most(self, request: Request) -> Usage:
        """As of the model itself."""
        return self._settings.most(request)

    def close(self) -> None:
        """Nothing was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCosts:
    """A model, and nano-dollars for a call of it: `likely` from and to, and the `most` that is set aside for one."""

    settings: ModelSettings
    likely: tuple[int, int]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """What a run can never pass, None where no limit holds it. Calls whose answers are lost come on top, but for limits
    on calls, tokens and dollars, which hold whatever happens."""

    trials: int | None
    calls: int | None
    tokens: int | None
    nanodollars: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run with this `config` is likely to take: between `cheap` and `dear`, and at `most`.

    `prompt` is the bytes of a first request, with the seed alone and in the middle of a search, and `most_prompt` those
    of the longest one. `answer` is the tokens of an answer, from and to and at most. All are 0 when no model is asked.
    `tuned` is how many evaluations of the tuner a trial leads to.
    """

    config: Mapping[str, Any]
    timing: Timing
    models: tuple[ModelCosts, ...]
    prompt: tuple[int, int]
    most_prompt: int
    answer: tuple[int, int, int]
    tuned: tuple[float, float]
    cheap: Total
    dear: Total
    most: Most


@dataclass(frozen=True, slots=True)
class _Case:
    """A cheap search or a dear one: what its trials ask for, and how many evaluations one takes."""

    assumed: Assumed
    plans: list[list[Request]]
    times: int
    """How often a program is scored."""
    tuned: float
    """Programs of the tuner that a trial leads to."""
    retries: bool
    """Later requests of a trial are second tries, which only some need."""

    @property
    def evaluations(self) -> float:
        """Of a trial, with those of the tuner that it leads to."""
        return self.times * (1.0 + self.tuned)

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


def estimate(task: Task, *, limits: Mapping[str, Any] | None = None, options: Options | None = None) -> Estimate:
    """Measure what can be measured, and reckon with it. No run begins, no model is asked, and no key is needed.

    The seed is scored a few times, as many at a time as in a run. The proposer writes its prompts: for the seed alone,
    and for a search in which there are other programs, as long as the seed.

    Raises as `Search.start` does, `SeedError` when the seed has no score, and `TaskError` for a task whose evaluations
    ask models themselves.
    """
    if task.settings.improve.tasks:
        raise TaskError(
            f"evaluations of {task.name} ask models themselves, so there is nothing to measure without asking them; "
            f"bound a run of it with --dollars, or try a short one: --trials 2"
        )
    parts, config = prepare(task, limits=limits, options=options, service=lambda settings, **_: _Priced(settings))
    assert parts.sandbox is not None
    with closing(parts.sandbox), closing(make_evaluator(task, parts.sandbox, strict=config["strict"])) as evaluator:
        timing = time_evaluations(evaluator, parts.seed, config["workers"])
        held_out = "held_out" in evaluator.splits
        models = stored_models(config.get("models", ()), Path("config.toml"))
        cheap, dear, longest = _cases(parts, config["seed"], timing, asks=bool(models))
    places = [[model.most(request) for model, _ in parts.models] for request in longest]
    measured = _Measured(timing, [usage for place in places for usage in place], held_out)
    return Estimate(
        config=config,
        timing=timing,
        models=tuple(
            ModelCosts(
                settings=model,
                likely=(cheap.nanodollars(model), dear.nanodollars(model)),
                most=max((place[number].nanodollars for place in places), default=0),
            )
            for number, model in enumerate(models)
        ),
        prompt=(cheap.first, dear.first),
        most_prompt=max(map(size, longest), default=0),
        answer=(*_answers(cheap, dear, models), max((usage.output_tokens for usage in measured.worst), default=0)),
        tuned=(cheap.tuned, dear.tuned),
        cheap=_total(cheap, models, parts, config, measured),
        dear=_total(dear, models, parts, config, measured),
        most=_most(config["limits"], places),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of the task; and the worst that single calls may take."""

    timing: Timing
    worst: Sequence[Usage]
    held_out: bool


def _cases(parts: Parts, seed: int, timing: Timing, *, asks: bool) -> tuple[_Case, _Case, list[Request]]:
    """A cheap search and a dear one, and the longest requests that a proposal may make."""
    table = parts.task.settings.evaluator
    often = (table.times, table.times) if table.repeats_most is None else (table.times + 1, table.repeats_most)
    asker = parts.proposer
    while isinstance(asker, Apart | Woven):
        asker = asker.proposer
    proposals = 24 if isinstance(asker, LLM) else 6  # others may take long for one
    plans: list[list[list[Request]]] = [[], [], []]
    earned = 0
    if asks:
        pretend(parts, timing.seed, range(1))
        plans[0] = ask(parts, seed, CHEAP.answer, proposals)
        pretend(parts, timing.seed, range(1, PRETENDED + 1))
        plans[1], plans[2] = (ask(parts, seed, answer, proposals) for answer in (DEAR.answer, _ENDLESS))
    tuning = parts.tuning
    quick = isinstance(tuning, Tuned) and timing.seed.cost.seconds <= tuning.slowest
    if isinstance(tuning, Tuned) and quick and tunable(parts, timing.seed):
        earned = min(tuning.screen + tuning.each, tuning.most)
    longest = largest(plans[2])
    if longest and isinstance(asker, LLM) and (more := asker.room - size(longest[0])) > 0:
        longest = [_longer(request, more) for request in longest]
    cheap, dear = (
        _Case(assumed, drawn, times, assumed.tuned * earned, isinstance(asker, LLM | ScaffoldProposer))
        for assumed, drawn, times in zip((CHEAP, DEAR), plans[:2], often, strict=True)
    )
    return cheap, dear, longest


def _answers(cheap: _Case, dear: _Case, models: Sequence[ModelSettings]) -> tuple[int, int]:
    return (
        min((cheap.output_tokens(model) for model in models), default=0),
        max((dear.output_tokens(model) for model in models), default=0),
    )


def _longer(request: Request, more: int) -> Request:
    *others, (role, text) = request.messages
    return replace(request, messages=(*others, (role, text + " " * more)))


def _total(
    case: _Case,
    models: Sequence[ModelSettings],
    parts: Parts,
    config: Mapping[str, Any],
    measured: _Measured,
) -> Total:
    """What a run takes if it is like this."""
    timing, table = measured.timing, parts.task.settings.evaluator
    weights = [model.weight / sum(each.weight for each in models) for model in models]
    calls = case.calls
    latency = sum(weight * case.seconds(model) for weight, model in zip(weights, models, strict=True))
    said = [case.input_tokens + case.output_tokens(model) for model in models]
    working = interval(
        calls=calls,
        latency=latency,
        evaluations=case.evaluations,
        evaluation=timing.together,
        workers=config["workers"],
        calls_in_flight=config.get("calls_in_flight", 0),
    )
    waiting = [
        60.0 * calls * weight * max(_each(1, model.requests_per_minute), _each(tokens, model.tokens_per_minute))
        for weight, model, tokens in zip(weights, models, said, strict=True)
    ]
    pace = Pace(
        seconds=max([working, *waiting]),
        evaluations=case.evaluations,
        calls=calls,
        tokens=calls * sum(weight * tokens for weight, tokens in zip(weights, said, strict=True)),
        nanodollars=calls * sum(weight * case.nanodollars(m) for weight, m in zip(weights, models, strict=True)),
    )
    reserve = Reserve(
        evaluations=table.times if table.repeats_most is None else 4 * table.repeats_most,
        tokens=max((usage.input_tokens + usage.output_tokens for usage in measured.worst), default=0),
        nanodollars=max((usage.nanodollars for usage in measured.worst), default=0),
    )
    reported = 2 * (table.repeats_most or table.times) if measured.held_out else 0
    return forecast(
        config["limits"],
        pace,
        reserve,
        seed=table.times,
        before=table.times * timing.alone,
        after=(calls * latency if calls else 0.0) + (case.times + reported) * timing.alone,
    )


def _each(amount: float, per_minute: float | None) -> float:
    """Minutes that this takes of what a service allows."""
    return amount / per_minute if per_minute else 0.0


def _most(limits: Mapping[str, Any], places: Sequence[Sequence[Usage]]) -> Most:
    """`places` are the worst of a proposal's first call, of its second one ..., by model."""
    trials = limits.get("trials")

    def bound(name: str, of: Callable[[Usage], int]) -> int | None:
        each = sum(max(map(of, place)) for place in places)
        bounds = [limits.get(name), trials * each if trials is not None else None]
        return min((bound for bound in bounds if bound is not None), default=None)

    return Most(
        trials=trials,
        calls=bound("calls", lambda usage: usage.calls),
        tokens=bound("tokens", lambda usage: usage.input_tokens + usage.output_tokens),
        nanodollars=bound("nanodollars", lambda usage: usage.nanodollars),
    )
