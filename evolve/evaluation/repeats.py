"""Repeats for noisy scores: a fixed number of them, or a race against the best program so far.

A race is sequential. The new program is scored again and again, and an empirical-Bernstein bound (`bounds.apart`) on
the differences to the best one says after each repeat whether the two are apart. Most new programs are clearly worse,
and take few repeats to be known for it. The new one runs on the seeds on which the best one ran, so that the two are
compared on the same instances and random numbers, where the evaluator takes a seed.

Luck does not stay on top, for two reasons. Every race scores the best program once more, on a seed that it has not
seen, and looks at its latest samples first: the ones that made it the best count less and less. And a program that is
ahead has to be so on fresh seeds too, on which both are scored, before it takes over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from evolve.evaluation.averages import average, rescored, total
from evolve.evaluation.bounds import LEAST, apart
from evolve.evaluation.rules import Direction
from evolve.evaluation.scorer import Around, Scorer
from evolve.standing import Standing
from evolve.types import Evaluation, Evaluator, Program, Split, Trial

__all__ = ["Race", "Repeats"]


@dataclass(frozen=True, kw_only=True)
class Race:
    """How a new program and the best one are compared.

    Each of the two phases takes at least `least` and at most `most` pairs of scores. `confidence` is the chance, at
    least, that programs that are said to be apart are in that order. `noise_range` is the most by which two repeats of
    one program can differ, in the unit of the score; None: as wide as was seen (see `bounds.apart`).

    Raises `ValueError` for values that cannot be.
    """

    least: int = LEAST
    most: int = 30
    confidence: float = 0.95
    noise_range: float | None = None

    def __post_init__(self) -> None:
        if not LEAST <= self.least <= self.most:
            raise ValueError(f"a race takes from {LEAST} repeats on, and not {self.least} to {self.most}")
        if not 0.5 <= self.confidence < 1.0:
            raise ValueError(f"the confidence of a race is from 0.5 to below 1, and not {self.confidence:g}")

    def apart(self, differences: list[float]) -> int:
        """1, -1 or 0, as `bounds.apart` says; 0 while there are fewer than `least`."""
        if len(differences) < self.least:
            return 0
        # a difference is of two programs, each with that much noise
        spread = None if self.noise_range is None else 2.0 * self.noise_range
        return apart(differences, confidence=self.confidence, spread=spread)


class Repeats(Around):
    """Scores programs with `evaluator`, each several times.

    Args:
        repeats: how often; what `race` says counts instead, where it is given.
        race: how to compare new programs with the best.
        direction: which scores are better.

    A repeat without a score ends the evaluation, which has its status and feedback. Held-out scores are means over
    `repeats`, or the most of a race, and so are scores of programs that there is nothing to race against.
    """

    def __init__(
        self, evaluator: Scorer, *, repeats: int = 1, race: Race | None = None, direction: Direction = "maximize"
    ) -> None:
        if repeats < 1:
            raise ValueError(f"repeats is {repeats}: a program is scored at least once")
        super().__init__(evaluator)
        self._race = race
        self._repeats = race.least if race else repeats
        self._report = race.most if race else repeats
        self._sign = 1.0 if direction == "maximize" else -1.0
        self._standing = Standing()

    @property
    def most(self) -> int:
        """How often a trial may score programs, its own and the best one, at most."""
        return 4 * self._race.most if self._race else self._repeats

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """The mean over repeats, which are told apart by the seeds from `seed` on. Raises as the evaluator does."""
        best = self._standing.best
        if self._race is not None and split == "search" and best is not None:
            return _Contest(self._race, self._scorer, program, best, self._sign).run()
        runs = _Runs(self._scorer, program, split)
        for number in range(self._repeats if split == "search" else self._report):
            if runs.run(seed + number) is None:
                break
        return runs.result()

    def once(self, program: Program) -> Evaluation:
        """One score on the search split, as a first repeat has it. Raises as the evaluator does."""
        return self._scorer.evaluate(program)

    def tell(self, trial: Trial) -> None:
        """Learn who the best one is."""
        self._standing.tell(trial)
        super().tell(trial)


class _Runs:
    """The repeats of one program. `failed` is the last one when that had no score."""

    def __init__(self, evaluator: Evaluator, program: Program, split: Split = "search") -> None:
        self._evaluator, self._program, self._split = evaluator, program, split
        self.evaluations: list[Evaluation] = []
        self.seeds: list[int] = []
        self.failed: Evaluation | None = None

    def run(self, seed: int) -> float | None:
        """Once more: the fitness."""
        evaluation = self._evaluator.evaluate(self._program, split=self._split, seed=seed)
        self.evaluations.append(evaluation)
        self.seeds.append(seed)
        if evaluation.fitness is None:
            self.failed = evaluation
        return evaluation.fitness

    def result(self) -> Evaluation:
        """What the repeats come to."""
        if self.failed is None:
            return average(self.evaluations, self.seeds)
        cost = total(evaluation.cost for evaluation in self.evaluations)
        told = self.failed.feedback
        if len(self.evaluations) > 1:
            told = f"Repeat {len(self.evaluations)}, after others with a score:\n{told}"
        return replace(self.failed, feedback=told, evaluations=len(self.evaluations), cost=cost)


class _Contest:
    """One race: a program against the best trial."""

    def __init__(self, race: Race, evaluator: Evaluator, program: Program, best: Trial, sign: float) -> None:
        self._race, self._best = race, best
        self._mine, self._theirs = _Runs(evaluator, program), _Runs(evaluator, best.program)
        # each program has fresh seeds of its own, whoever else is scored at the same time; 31 bits are a seed anywhere
        first = int(program.tree[:8], 16) >> 1
        self._fresh = (seed % 2**31 for seed in range(first, first + 2**31))
        evaluation = best.evaluation
        known = zip(evaluation.seeds, evaluation.samples, strict=True)
        self._known = [(seed, sign * sample) for seed, sample in known][::-1]

    def run(self) -> Evaluation:
        """The new program's evaluation, with what the race did to the best one's."""
        won = self._won()
        while self._mine.failed is None and len(self._mine.evaluations) < self._race.least:
            self._mine.run(next(self._fresh))  # the other one failed, and this one has its repeats all the same
        result = self._mine.result()
        theirs = self._theirs
        again = (rescored(self._best.number, theirs.evaluations, theirs.seeds),) if theirs.evaluations else ()
        return replace(
            result,
            evaluations=len(self._mine.evaluations) + len(theirs.evaluations),
            rescored=again,
            won=won if result.fitness is not None else None,
            cost=total([result.cost, *(evaluation.cost for evaluation in theirs.evaluations)]),
        )

    def _won(self) -> bool:
        most = self._race.most
        fresh = ((seed, None) for seed in self._fresh)
        differences, verdict = self._compare(islice(chain(islice(fresh, 1), self._known, fresh), most))
        if verdict < 0 or math.fsum(differences) <= 0.0 or self._over:
            return False
        # what is apart already is only to show that it was no luck; the others have all of a second race
        number = self._race.least if verdict else most
        differences, verdict = self._compare(islice(fresh, number))
        return not self._over and (verdict > 0 if verdict else math.fsum(differences) > 0.0)

    @property
    def _over(self) -> bool:
        return self._mine.failed is not None or self._theirs.failed is not None

    def _compare(self, seeds: Iterator[tuple[int, float | None]]) -> tuple[list[float], int]:
        """Score both on these seeds until they are apart. The differences, and what was said of them last."""
        differences: list[float] = []
        for seed, known in seeds:
            mine = self._mine.run(seed)
            if mine is None:
                break
            theirs = self._theirs.run(seed) if known is None else known
            if theirs is None:
                break
            differences.append(mine - theirs)
            if verdict := self._race.apart(differences):
                return differences, verdict
        return differences, 0
