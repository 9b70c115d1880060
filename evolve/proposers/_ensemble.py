"""Which model is asked, and for what: by fixed weights, or by what each pays."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from evolve.proposers._dice import Dice
from evolve.types import Trial

__all__ = ["Arm", "Bandit"]

Arm: TypeAlias = tuple[str, str]
"""A model and an operator, by name."""


class Bandit:
    """Learns from the trials told which arm gains most for its cost, and draws the better ones more often.

    An arm's reward for a trial is how far the trial rose above the best of its parents in the order of all scores, as
    a share of them (0 when it did not), and 1 more for a new best; its cost is the money, or the tokens where they are
    free. Both sums fade by `decay` with each trial of the ensemble, so that what paid early need not pay for ever. With
    probability `explore` an arm is drawn by its weight alone, so none is given up; else in proportion to its weight
    times its value squared.
    """

    def __init__(self, *, decay: float = 0.98, explore: float = 0.2) -> None:
        self._decay, self._explore = decay, explore
        self._gain: dict[Arm, float] = {}
        self._cost: dict[Arm, float] = {}
        self._drawn: dict[Arm, float] = {}
        self._scores: list[float] = []
        self._fitness: dict[int, float] = {}

    def draw(self, arms: Sequence[tuple[float, Arm]], dice: Dice) -> Arm:
        """One of the (weight, arm) pairs; weights are positive."""
        if dice.chance(self._explore) or not self._cost:
            return dice.weighted(arms)
        return dice.weighted([(weight * self.value(arm) ** 2, arm) for weight, arm in arms])

    def value(self, arm: Arm) -> float:
        """The reward for what a trial costs in the mean, at least 0.05; an arm that is not known has the best one's."""
        mean = sum(self._cost.values()) / max(sum(self._drawn.values()), 1e-9)
        known = {a: mean * self._gain[a] / self._cost[a] for a in self._cost}
        return max(known.get(arm, max(known.values(), default=1.0)), 0.05)

    def tell(self, trial: Trial, note: Mapping[str, object] | None) -> None:
        """Learn of a trial; `note` is what the ensemble wrote down, None for a trial of another proposer."""
        if note is not None:
            arm = (str(note.get("model")), str(note.get("operator")))
            for sums in (self._gain, self._cost, self._drawn):
                for other in sums:
                    sums[other] *= self._decay
            cost = trial.usage.nanodollars or trial.usage.input_tokens + 4 * trial.usage.output_tokens
            self._cost[arm] = self._cost.get(arm, 0.0) + max(float(cost), 1.0)
            self._drawn[arm] = self._drawn.get(arm, 0.0) + 1.0
            self._gain[arm] = self._gain.get(arm, 0.0) + self._rise(trial)
        if trial.fitness is not None and math.isfinite(trial.fitness):
            insort(self._scores, trial.fitness)
            self._fitness[trial.number] = trial.fitness

    def _rise(self, trial: Trial) -> float:
        before = max((self._fitness.get(number, -math.inf) for number in trial.parents), default=-math.inf)
        if trial.fitness is None or trial.fitness <= before or not self._scores:
            return 0.0
        ranks = bisect_left(self._scores, trial.fitness) - bisect_left(self._scores, before)
        # what passes all that there was is worth more than a place among them
        return (ranks / len(self._scores)) + (1.0 if trial.fitness > self._scores[-1] else 0.0)
