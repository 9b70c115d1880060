"""Solve: scores an agent by how many small programming tasks it solves.

A benchmark is a task whose program is made of parts, folders of its seed, each with something to mend, and whose
evaluator scores each of them by hidden tests, under the folder's name. An instance is one part: the agent is given its
files and what the benchmark says of it, under a lease of its own, and answers with files. All answers are put into one
program, which is scored once.

Some of the parts are for what is reported, and an agent meets them in no search. Which of the others an evaluation has
comes from its seed: the same for every agent.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolve.errors import ModelFault, SandboxFault, TaskError
from evolve.evaluation.improve import Relay
from evolve.evaluation.scorer import Scorer
from evolve.types import Cost, Evaluation, Program, Split, Status, Trial, Usage

__all__ = ["Attempt", "Benchmark", "Solve"]

_HELD_OUT = 3  # one part of so many


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an agent made of a part: the whole program with its answer, or None and why not."""

    program: Program | None
    problem: str
    used: Usage


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What agents are tried on.

    `evaluator` scores programs by parts, and is closed by `Solve`. `solve` has an agent work on the files of one part
    with a seed, under a lease.
    """

    name: str
    seed: Program
    evaluator: Scorer
    solve: Callable[[Program, Mapping[str, str], int, Relay], Attempt]


class Solve:
    """Scores agents.

    Args:
        benchmark: what they are tried on.
        relay: how models are asked for the instance of that key: each has a key of its own, the same each time.
        smoke: what speaks against an agent before anything is spent on it, "" when nothing does. Who has passed once
            is not asked again.
        each: parts of one evaluation.
        on_close: closes what agents run in.

    Raises `ValueError` when the benchmark has fewer than three parts.
    """

    splits: tuple[Split, ...] = ("search", "held_out")
    seeds = True

    def __init__(
        self,
        benchmark: Benchmark,
        *,
        relay: Callable[[int], Relay],
        smoke: Callable[[Program], str] = lambda _: "",
        each: int = 4,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        parts = sorted({path.partition("/")[0] for path in benchmark.seed.files if "/" in path})
        if len(parts) < _HELD_OUT:
            raise ValueError(f"{benchmark.name} has {len(parts)} folders, and at least {_HELD_OUT} parts are needed")
        kept = parts[_HELD_OUT - 1 :: _HELD_OUT]
        self._parts: dict[Split, Sequence[str]] = {
            "held_out": kept,
            "search": [part for part in parts if part not in kept],
        }
        self._benchmark, self._relay, self._smoke, self._each = benchmark, relay, smoke, each
        self._on_close = on_close
        self._sound: set[str] = set()
        self._closed = threading.Event()

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """The mean of what the benchmark says of the parts of this split and seed.

        An agent none of whose answers can be used has failed. Raises `BudgetSpent` and `Fault`, of which nothing is a
        score, and `TaskError` when the benchmark does not score parts.
        """
        begun = time.monotonic()
        if program.tree not in self._sound:
            if problem := self._smoke(program):
                return _failed(problem, begun)
            self._sound.add(program.tree)
            begun = time.monotonic()
        attempts = {part: self._attempted(program, part, split, seed) for part in self._drawn(split, seed)}
        problems = [f"{part}: {attempt.problem}" for part, attempt in attempts.items() if attempt.problem]
        if all(attempt.program is None for attempt in attempts.values()):
            return _failed("\n".join(problems) if split == "search" else "no answer could be used", begun)
        scores = self._scored(attempts, split, seed)
        score = math.fsum(scores.values()) / len(scores)
        used = sum((attempt.used for attempt in attempts.values()), Usage())
        told = [f"{part}: {value:.4f}" for part, value in scores.items() if value < 1.0 and not attempts[part].problem]
        return Evaluation(
            status=Status.OK,
            score=score,
            fitness=score,
            instances=scores,
            metrics={
                "calls": used.calls,
                "tokens": used.input_tokens + used.output_tokens,
                "nanodollars": used.nanodollars,
                "solved": sum(value == 1.0 for value in scores.values()),
            },
            feedback="\n".join([*problems, *told]) if split == "search" else "",
            cost=Cost(seconds=time.monotonic() - begun),
        )

    def tell(self, trial: Trial) -> None:
        """Nothing is learned: a score depends on the agent, the split, the seed, and what models answer."""

    def close(self) -> None:
        """End what is under way, and close the benchmark's evaluator. May be called twice."""
        self._closed.set()
        try:
            self._on_close()
        finally:
            self._benchmark.evaluator.close()

    def _drawn(self, split: Split, seed: int) -> list[str]:
        parts = self._parts[split]
        if split == "held_out" or self._each >= len(parts):
            return list(parts)
        order = np.random.default_rng((seed, self._each)).permutation(len(parts))
        return sorted(parts[place] for place in order[: self._each])

    def _attempted(self, program: Program, part: str, split: Split, seed: int) -> Attempt:
        if self._closed.is_set():
            raise SandboxFault("the evaluator is closed")
        label = f"{split} {seed} {part}"
        number, key = (
            int.from_bytes(hashlib.blake2b(said.encode(), digest_size=size).digest())
            for said, size in ((label, 3), (f"{program.tree} {label}", 7))
        )
        seed_files = self._benchmark.seed.files
        files = {path: content.decode() for path, content in seed_files.items() if path.startswith(f"{part}/")}
        try:
            return self._benchmark.solve(program, files, number, self._relay(key))
        except (
            ModelFault
        ) as fault:  # no answer is a fault of the surroundings here, and never a part that is not solved
            raise ModelFault(str(fault), sent=False) from fault

    def _scored(self, attempts: Mapping[str, Attempt], split: Split, seed: int) -> dict[str, float]:
        """What each part scores: those without an answer nothing, whatever their seed has."""
        answered = {part: attempt.program for part, attempt in attempts.items() if attempt.program is not None}
        changes = {
            path: program.files[path]
            for part, program in answered.items()
            for path in program.files
            if path.startswith(f"{part}/")
        }
        found = self._evaluated(self._benchmark.seed.replace(changes), split, seed)
        scores = dict.fromkeys(attempts, 0.0)
        for part, program in answered.items():
            # one that passes a limit takes the score of all of them away: then each is scored for itself
            alone = found if found.status is Status.OK else self._evaluated(program, split, seed)
            if alone.status is not Status.OK:
                continue
            if part not in alone.instances:
                raise TaskError(
                    f"{self._benchmark.name} has no score for {part}: its evaluator has to score each folder"
                )
            scores[part] = alone.instances[part]
        return scores

    def _evaluated(self, program: Program, split: Split, seed: int) -> Evaluation:
        evaluator = self._benchmark.evaluator
        known: Split = split if split in evaluator.splits else "search"
        return evaluator.evaluate(program, split=known, seed=seed % 2**31 if evaluator.seeds else 0)


def _failed(feedback: str, begun: float) -> Evaluation:
    return Evaluation(status=Status.FAILED, feedback=feedback, cost=Cost(seconds=time.monotonic() - begun))
