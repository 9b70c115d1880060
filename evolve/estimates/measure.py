"""What can be measured without a run: how long the task's evaluations take, and how long the prompts are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from evolve.config import Parts
from evolve.errors import SeedError
from evolve.evaluation.native import NativeEvaluator
from evolve.plugins import chosen, guarded, planned
from evolve.simulated import SimulatedModel
from evolve.types import Context, Evaluation, Model, Program, Reply, Request, Selection, Status, Trial, Usage

__all__ = [
    "PRETENDED",
    "Asked",
    "Timing",
    "ask",
    "edits",
    "largest",
    "pretend",
    "prose",
    "size",
    "time_evaluations",
    "tunable",
]

PRETENDED = 30
"""Trials that are made up, so that prompts have all that those in the middle of a search have."""

_SHORT = 5.0
"""Seconds below which an evaluation is measured several times."""

_BYTES_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that an evaluation of the seed takes, its way through the sandbox included.

    `alone` when nothing else runs, `together` when as many are under way as in a run; `number` is how often it was
    scored.
    """

    seed: Evaluation
    alone: float
    together: float
    number: int


@dataclass(slots=True)
class Asked:
    """What one proposal asked for: of models, in order, and the programs whose evaluation it asked for."""

    requests: list[Request] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)


def time_evaluations(evaluator: NativeEvaluator, program: Program, workers: int) -> Timing:
    """Score the seed alone, and then `workers` at a time: once each where it takes long, else a few times.

    Raises `SeedError` when it has no score, and as the evaluator does.
    """
    begun = time.perf_counter()
    first = evaluator.evaluate(program)
    alone = time.perf_counter() - begun
    if first.status is not Status.OK:
        raise SeedError(
            f"the seed program has no score, so no search can start from it ({first.status}: {first.feedback})"
        )
    # sandboxes that are opened first are a part of `alone` that a search does not see again
    rounds = 5 if first.cost.seconds < _SHORT else 1
    with ThreadPoolExecutor(workers) as pool:

        def timed(number: int) -> float:
            begun = time.perf_counter()
            list(pool.map(evaluator.evaluate, [program] * number))
            return time.perf_counter() - begun

        if rounds > 1:
            alone = median(timed(1) for _ in range(rounds))
        together = median(timed(workers) for _ in range(rounds)) if workers > 1 else alone
    scored = 1 + (rounds if rounds > 1 else 0) + (rounds * workers if workers > 1 else 0)
    return Timing(first, alone, together, scored)


def pretend(parts: Parts, seed: Evaluation, numbers: range) -> None:
    """Tell archive and proposer of the seed, which is number 0, and of trials that nobody made, as long as the seed."""
    known = seed.fitness if seed.fitness is not None else 0.0
    paths = parts.regions.paths(parts.seed)
    for number in numbers:
        program, evaluation = parts.seed, seed
        if number:
            # the first one is the best, and all others were tried on it: the search seems to stall
            fitness = known + 1e-6 * (abs(known) or 1.0) * (numbers.stop - number)
            evaluation = replace(seed, fitness=fitness, artifacts={})
            line = f"pretended_{'i' * number} = 0\n".encode()  # a structure of its own, for whoever tells them apart
            program = program.replace({path: program.files[path] + line for path in paths[:1]})
        trial = Trial(
            number=number,
            program=program,
            parents=(min(number - 1, 1),) if number else (),
            operator="edit" if number else "seed",
            summary="Try another order of the items, and look one step ahead before one is placed",
            evaluation=evaluation,
        )
        with guarded("archive", parts.archive, f"told of trial {number}"):
            parts.archive.tell(trial)
        with guarded("proposer", parts.proposer, f"told of trial {number}"):
            parts.proposer.tell(trial)


def ask(
    parts: Parts, evaluation: Evaluation, seed: int, answer: Callable[[Request], str], proposals: int
) -> list[Asked]:
    """What the proposer would ask for, in so many `proposals`.

    No model is asked and nothing is evaluated: `answer` says what a model would, and every program is like the seed,
    which has this `evaluation`.
    """
    plans: list[Asked] = []
    for number in range(1, proposals + 1):
        selection = chosen(parts.archive, np.random.default_rng((seed, number, 0, 0)), number)
        asked = Asked()
        rng = np.random.default_rng((seed, number, 1, 0))

        def reply(model: Model, request: Request, asked: Asked = asked) -> Reply:
            asked.requests.append(request)
            return Reply(text=answer(request), finish="stop", model=model.name, usage=Usage(calls=1))

        def evaluate(program: Program, asked: Asked = asked) -> Evaluation:
            asked.programs.append(program)
            return replace(evaluation, artifacts={})

        context = Context(PRETENDED + number, rng, ask=reply, relay=reply, evaluate=evaluate)
        planned(parts.proposer, selection, context)()
        plans.append(asked)
    return plans


def tunable(parts: Parts, seed: Evaluation) -> bool:
    """Whether the tuner that is woven into the proposer finds literals in the seed."""
    trial = Trial(number=0, program=parts.seed, parents=(), operator="seed", summary="", evaluation=seed)
    context = Context(1, np.random.default_rng(0))
    return not planned(parts.proposer, Selection(parents=(trial,), operator="tuner"), context)().rejected


def prose(tokens: int) -> Callable[[Request], str]:
    """Answers of so many tokens, of which nothing can be made: who tries again does so as often as it may."""

    def answer(request: Request) -> str:
        length = min(tokens, request.max_tokens) * _BYTES_PER_TOKEN
        return ("word " * (length // 5 + 1))[:length]

    return answer


def edits(seed: int) -> Callable[[Request], str]:
    """Answers with which most proposers can go on: the simulated model's."""
    model = SimulatedModel(seed=seed)
    return lambda request: model.complete(request).text


def size(request: Request) -> int:
    """The bytes of a prompt."""
    return sum(len(text.encode(errors="surrogatepass")) for _, text in request.messages)


def largest(plans: Sequence[Asked]) -> list[Request]:
    """The longest request of each place: the first one of a proposal, the second one ..."""
    longest: list[Request] = []
    for asked in plans:
        for place, request in enumerate(asked.requests):
            if place == len(longest):
                longest.append(request)
            elif size(request) > size(longest[place]):
                longest[place] = request
    return longest
