"""Estimate: what a run is likely to cost, and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from evolve.archives.tuned import Tuned
from evolve.config import Parts, prepare
from evolve.errors import TaskError
from evolve.estimates.bounds import Most, most_of
from evolve.estimates.cases import CHEAP, DEAR, Case
from evolve.estimates.forecast import Pace, Reserve, Total, forecast, interval
from evolve.estimates.measure import (
    PRETENDED,
    Asked,
    Timing,
    ask,
    edits,
    largest,
    pretend,
    prose,
    size,
    time_evaluations,
    tunable,
)
from evolve.models.settings import ModelSettings, stored_models
from evolve.options import Options
from evolve.proposers.apart import Apart
from evolve.proposers.llm import LLM
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.proposers.woven import Woven
from evolve.proposing import ASKING, PROPOSERS
from evolve.scoring import make_evaluator, repeated
from evolve.task import Task
from evolve.types import Reply, Request, Usage

__all__ = ["Estimate", "ModelCosts", "estimate"]

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
class Estimate:
    """What a run with this `config` is likely to take: between `cheap` and `dear`, and at `most`.

    `prompt` is the bytes of a first request, with the seed alone and in the middle of a search, and `most_prompt` those
    of the longest one. `answer` is the tokens of an answer, from and to and at most. All are 0 when no model is asked.
    `tuned` is how many evaluations of the tuner a trial leads to, `last` how many it has in the end, `asked` how many a
    proposal asks for, from and to, and `most_asked` how many it may ask for, None where nothing bounds that.
    """

    config: Mapping[str, Any]
    timing: Timing
    models: tuple[ModelCosts, ...]
    prompt: tuple[int, int]
    most_prompt: int
    answer: tuple[int, int, int]
    tuned: tuple[float, float]
    last: tuple[float, float]
    asked: tuple[float, float]
    most_asked: int | None
    cheap: Total
    dear: Total
    most: Most


def estimate(task: Task, *, limits: Mapping[str, Any] | None = None, options: Options | None = None) -> Estimate:
    """Measure what can be measured, and reckon with it. No run begins, no model is asked, and no key is needed.

    The seed is scored a few times, as many at a time as in a run. The proposer writes its prompts: for the seed alone,
    and for a search in which there are other programs, as long as the seed.

    Raises as `Search.start` does, `SeedError` when the seed has no score, and `TaskError` for a task whose evaluations
    ask models themselves.
    """
    if task.settings.of_scaffolds:
        raise TaskError(
            f"evaluations of {task.name} ask models themselves, so there is nothing to measure without asking them; "
            f"bound a run of it with --dollars, or try a short one: --trials 2"
        )
    parts, config = prepare(task, limits=limits, options=options, service=lambda settings, **_: _Priced(settings))
    assert parts.sandbox is not None
    with closing(parts.sandbox), closing(make_evaluator(task, parts.sandbox, strict=config["strict"])) as evaluator:
        timing = time_evaluations(evaluator, parts.seed, config["workers"])
        held_out, reserved = "held_out" in evaluator.splits, repeated(evaluator, task).most
        models = stored_models(config.get("models", ()), Path("config.toml"))
        cheap, dear, longest = _cases(parts, config, timing)
    table, most_asked = task.settings.evaluator, _most_asked(config)
    # what a tuner may try follows from what it finds
    worst = None if parts.tuning is not None or most_asked is None else most_asked + reserved
    places = [[model.most(request) for model, _ in parts.models] for request in longest]
    measured = _Measured(timing, [usage for place in places for usage in place], held_out, reserved)
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
        last=(cheap.last, dear.last),
        asked=(cheap.asked, dear.asked),
        most_asked=most_asked,
        cheap=_total(cheap, models, parts, config, measured),
        dear=_total(dear, models, parts, config, measured),
        most=most_of(config["limits"], places, table.times, worst),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """Of the task; the worst that single calls may take, and the evaluations that are reserved for a trial."""

    timing: Timing
    worst: Sequence[Usage]
    held_out: bool
    reserved: int


def _cases(parts: Parts, config: Mapping[str, Any], timing: Timing) -> tuple[Case, Case, list[Request]]:
    """A cheap search and a dear one, and the longest requests that a proposal may make."""
    table = parts.task.settings.evaluator
    often = (table.times, table.times) if table.repeats_most is None else (table.times + 1, table.repeats_most)
    asker = parts.proposer
    while isinstance(asker, Apart | Woven):
        asker = asker.proposer
    proposals = 24 if isinstance(asker, LLM) else 6  # others may take long for one
    plans: list[list[Asked]] = [[], [], [], []]
    earned = most = 0
    if parts.models:

        def asked(answer: Callable[[Request], str]) -> list[Asked]:
            return ask(parts, timing.seed, config["seed"], answer, proposals)

        pretend(parts, timing.seed, range(1))
        plans[0] = asked(prose(CHEAP.answer))
        if _most_asked(config):  # what a model answers is evaluated when something can be made of it
            plans[3] = asked(edits(config["seed"]))
        pretend(parts, timing.seed, range(1, PRETENDED + 1))
        plans[1:3] = [asked(prose(DEAR.answer)), asked(prose(_ENDLESS))]
    tuning = parts.tuning
    quick = isinstance(tuning, Tuned) and timing.seed.cost.seconds <= tuning.slowest
    if isinstance(tuning, Tuned) and quick and tunable(parts, timing.seed):
        earned, most = min(tuning.screen + tuning.each, tuning.most), tuning.most
    longest = largest([proposal for plan in plans[2:] for proposal in plan])
    evaluations = [fmean(len(proposal.programs) for proposal in plan) for plan in plans if plan] or [0.0]
    if longest and isinstance(asker, LLM) and (more := asker.room - size(longest[0])) > 0:
        longest = [_longer(request, more) for request in longest]
    cheap, dear = (
        Case(
            assumed,
            [proposal.requests for proposal in plan],
            times,
            tuned=assumed.tuned * earned,
            last=assumed.last * most,
            asked=number,
            retries=isinstance(asker, LLM | ScaffoldProposer),
        )
        for assumed, plan, times, number in zip(
            (CHEAP, DEAR), plans[:2], often, (min(evaluations), max(evaluations)), strict=True
        )
    )
    return cheap, dear, longest


def _most_asked(config: Mapping[str, Any]) -> int | None:
    """How many evaluations a proposal may ask for: a scaffold has a lease of them, a plugin what the budget has."""
    lease = config.get("scaffold", {}).get("evaluations", 0)
    return int(lease) if config["proposer"] in {**PROPOSERS, **ASKING} else None


def _answers(cheap: Case, dear: Case, models: Sequence[ModelSettings]) -> tuple[int, int]:
    return (
        min((cheap.output_tokens(model) for model in models), default=0),
        max((dear.output_tokens(model) for model in models), default=0),
    )


def _longer(request: Request, more: int) -> Request:
    *others, (role, text) = request.messages
    return replace(request, messages=(*others, (role, text + " " * more)))


def _total(
    case: Case,
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
        evaluations=measured.reserved,
        tokens=max((usage.input_tokens + usage.output_tokens for usage in measured.worst), default=0),
        nanodollars=max((usage.nanodollars for usage in measured.worst), default=0),
    )
    reported = 2 * (table.repeats_most or table.times) if measured.held_out else 0
    try:
        total = forecast(
            config["limits"],
            pace,
            reserve,
            seed=table.times,
            before=table.times * timing.alone,
            after=(calls * latency if calls else 0.0) + (case.times + reported) * timing.alone,
        )
    except ValueError as error:  # who may ask models need not
        raise TaskError(
            f"{error}: the proposer asked no model when it was tried; give another limit too, such as --trials 100"
        ) from error
    if total.ends in {"evaluations", "seconds"}:
        return total  # the tuner cannot have any more
    last = min(case.times * case.last, config["limits"].get("evaluations", math.inf) - total.evaluations)
    seconds = total.seconds + last * timing.together / config["workers"]
    return replace(total, evaluations=total.evaluations + last, seconds=seconds)


def _each(amount: float, per_minute: float | None) -> float:
    """Minutes that this takes of what a service allows."""
    return amount / per_minute if per_minute else 0.0
