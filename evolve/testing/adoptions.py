"""A world of programs whose worth is written in them, and a driver that does for `Adoption` what a search does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evolve.adoption.controller import Adoption
from evolve.adoption.pairing import run_pair
from evolve.adoption.policy import Policy
from evolve.adoption.records import (
    Outcome,
    Pair,
    Review,
    Transition,
    encode_objective,
    encode_pair,
    encode_review,
)
from evolve.scaffolds import REFERENCE
from evolve.types import Cost, Evaluation, Program, Split, Status, Trial

__all__ = ["OBJECTIVE", "CoinEvaluator", "Driver", "replayed", "worth"]

OBJECTIVE = "0" * 40
_REUSABLE = 20
"""Instances of each family in a trial's own evaluation."""

Choose = Callable[[Sequence[Pair]], int]


def worth(value: float = 0.4, /, *, name: str = "", lines: int = 0, **facts: float) -> Program:
    """A program that solves this share of the instances.

    `facts` may say more of it: `search` is the share on the reusable instances, `seconds` are those of an evaluation,
    `valid` is the share of its proposals that can be scored, and a fact named after a family the share in that one.
    `lines` makes it longer, `name` another program of the same worth.
    """
    text = json.dumps({"value": value, "name": name, **facts}, sort_keys=True)
    return Program({"scaffold.py": (text + "\n" + "# a line\n" * lines).encode()})


@dataclass
class Driver:
    """Tells an `Adoption` trials whose programs are `script`, the seed first, and runs its pairs, as their evaluator.

    `journal` is what happened, in order: trials and events. `pairs` are run after each trial at most, `flight` of them
    at a time, and of those in flight the one ends first that `choose` says. With `graded`, a program's score is the
    share that it solves, each time. `said` are the transitions.
    """

    script: Sequence[Program]
    policy: Policy
    seed: int = 0
    pairs: int = 1000
    flight: int = 1
    choose: Choose = lambda _: 0
    objective: str = OBJECTIVE
    graded: bool = False
    journal: list[Trial | Mapping[str, Any]] = field(default_factory=list)
    said: list[Transition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.adoption = Adoption(self.policy, seed=self.seed)
        self._told = 0
        self._left = self.pairs
        self._flying: list[Pair] = []
        recorded, self.journal = self.journal, []
        for entry in recorded:
            self._take(entry)
        self._take(encode_objective(self.objective))

    def run(self, most: int | None = None) -> Adoption:
        """Go on until the script is at its end and no pair is left, or the journal has `most` entries."""
        while most is None or len(self.journal) < most:
            if self._left and self._pair():
                continue
            if self._told == len(self.script):
                break
            self._take(self._trial(self._told))
        return self.adoption

    def review(self, number: int, *, approve: bool, reason: str = "I have read it", by: str = "") -> None:
        """Answer as a person."""
        self._take(encode_review(Review(number=number, approve=approve, reason=reason, by=by)))

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """What became of whom."""
        return [(transition.kind, transition.number) for transition in self.said]

    def _pair(self) -> bool:
        while len(self._flying) < self.flight and (pair := self.adoption.next(self._flying)) is not None:
            self._flying.append(pair)
        if not self._flying:
            return False
        pair = self._flying.pop(self.choose(self._flying))
        self._take(encode_pair(pair, self.outcome(pair)))
        return True

    def outcome(self, pair: Pair) -> Outcome:
        """What both programs score on the instances of a pair."""
        programs = self.script[pair.incumbent], self.script[pair.challenger]
        return run_pair(pair, *programs, self, families=self.policy.gate.families)

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """An evaluator's: with the seed 0 the reusable instances, else one fresh instance of each family."""
        assert split == "search"
        facts, scores = _facts(program), {}
        for place, family in enumerate(self.policy.gate.families):
            share = facts.get(family, facts["value"])
            for number in range(_REUSABLE) if seed == 0 else [seed]:
                drawn = np.random.default_rng((int(program.tree[:12], 16), place, number)).random()
                name, chance = (family, share) if seed else (f"{family}-{number}", facts.get("search", share))
                scores[name] = chance if self.graded else float(drawn < chance)
        mean = sum(scores.values()) / len(scores)
        cost = Cost(seconds=facts.get("seconds", 1.0))
        return Evaluation(status=Status.OK, score=mean, fitness=mean, instances=scores, cost=cost)

    def tell(self, trial: Trial) -> None:
        """An evaluator's; there is nothing to learn."""

    def close(self) -> None:
        """An evaluator's; there is nothing to end."""

    def _take(self, entry: Trial | Mapping[str, Any]) -> None:
        self.journal.append(entry)
        if isinstance(entry, Trial):
            self._told += 1
            self._left = self.pairs
            self.said += self.adoption.tell(entry)
            return
        if entry["what"] == "pair":
            self._left -= 1
        self.said += self.adoption.fold(json.loads(json.dumps(entry)))

    def _trial(self, number: int) -> Trial:
        if number == 0:
            return self._scored(0, {})
        reference = self.adoption.reference(number)
        facts = _facts(self.script[reference])
        draw = np.random.default_rng((self.seed, number)).random()
        if draw >= facts.get("valid", 1.0):
            return Trial(
                number=number,
                program=self.script[0],
                parents=(0,),
                operator="scaffold",
                summary="no change",
                evaluation=Evaluation(status=Status.REJECTED),
                note={REFERENCE: reference},
            )
        return self._scored(number, {REFERENCE: reference})

    def _scored(self, number: int, note: Mapping[str, int]) -> Trial:
        return Trial(
            number=number,
            program=self.script[number],
            parents=(0,) if number else (),
            operator="scaffold",
            summary="by hand",
            evaluation=self.evaluate(self.script[number]),
            note=note,
        )


def _facts(program: Program) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(program.text("scaffold.py").splitlines()[0])
    return facts


def replayed(policy: Policy, journal: Iterable[Trial | Mapping[str, Any]], seed: int = 0) -> Adoption:
    """What follows from a journal alone."""
    adoption = Adoption(policy, seed=seed)
    for entry in journal:
        if isinstance(entry, Trial):
            adoption.tell(entry)
        else:
            adoption.fold(entry)
    return adoption


class CoinEvaluator:
    """Scores a program 0 or 1, the more often 1 the better it is by `worth`; what it is depends on program and seed."""

    def __init__(self, worth: Callable[[Program], float]) -> None:
        self.worth = worth

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """A coin for the seed, that falls on another side for another program seldom where both are as good."""
        assert split == "search"
        score = float(np.random.default_rng(seed).random() < self.worth(program))
        return Evaluation(status=Status.OK, score=score, fitness=score)

    def tell(self, trial: Trial) -> None:
        """There is nothing to learn."""

    def close(self) -> None:
        """There is nothing to end."""
