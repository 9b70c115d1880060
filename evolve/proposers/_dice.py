"""Random choices, all from one generator, and numbers as a person would write them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

__all__ = ["Dice", "decimal", "number_text"]

T = TypeVar("T")


def decimal(value: float, digits: int = 4) -> float:
    """`value` rounded to this many significant digits."""
    return float(f"{value:.{digits - 1}e}")


def number_text(value: float) -> str:
    """A literal that reads back as `value`, an integer's without a point."""
    return str(value) if isinstance(value, int) else repr(float(value))


class Dice:
    """Draws from a generator. Scalar draws cost about a microsecond each; `Generator.choice` would cost twenty."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._uniform = rng.random
        self._normal = rng.standard_normal

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._uniform() < probability

    def below(self, n: int) -> int:
        """One of 0, ..., n - 1."""
        return min(int(self._uniform() * n), n - 1)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, each as likely. There must be one."""
        return items[self.below(len(items))]

    def weighted(self, table: Sequence[tuple[float, T]]) -> T:
        """One of the items of (weight, item) pairs, in proportion to its weight."""
        totals = list(accumulate(weight for weight, _ in table))
        return table[min(bisect_right(totals, self._uniform() * totals[-1]), len(table) - 1)][1]

    def normal(self) -> float:
        """From the standard normal distribution."""
        return float(self._normal())

    def between(self, low: float, high: float) -> float:
        """Uniform on [low, high)."""
        return low + (high - low) * float(self._uniform())

    def constant(self, known: Sequence[float]) -> float:
        """A factor or a summand to bring in: one of those `known`, or near it, or of any size from 0.01 to 100."""
        if known and self.chance(0.4):
            return self._near(known)
        if self.chance(0.25):
            return self.pick((0, 1, 2, 3, 0.5, 10, 0.1, 100))
        return self._sized(0.01, 100.0)

    def threshold(self, known: Sequence[float]) -> float:
        """A number to compare with: one of those `known`, or near it, or of any size, mostly an integer."""
        if known and self.chance(0.4):
            return self._near(known)
        return self._sized(1.0, 200.0) if self.chance(0.7) else self._sized(0.01, 1.0)

    def _near(self, known: Sequence[float]) -> float:
        value = self.pick(known)
        return value if self.chance(0.4) else self.nudge(value, known)

    def _sized(self, low: float, high: float) -> float:
        """Every order of magnitude is as likely."""
        value = decimal(math.exp(self.between(math.log(low), math.log(high))), 2)
        return round(value) if value >= 1 and self.chance(0.8) else value

    def nudge(self, value: float, known: Sequence[float] = ()) -> float:
        """Another number near `value`, an integer when that is one; now and then a far one."""
        moves: tuple[tuple[float, Callable[[float], float]], ...] = (
            (8.0, self._step if isinstance(value, int) else self._scale),
            (5.0, self._scale),
            (1.0, lambda x: x * self.pick((2, 3, 10))),
            (1.0, lambda x: x / self.pick((2, 3, 10))),
            (0.7, lambda x: -x),
            (0.5, lambda _: self.pick((0, 1))),
            (1.5, lambda x: self.pick(known) if known else x),
        )
        for _ in range(4):
            moved = self.weighted(moves)(value)
            if not math.isfinite(moved) or abs(moved) > 1e12:
                continue
            new = round(moved) if isinstance(value, int) else decimal(moved, 3)
            if new != value:
                return new
        return value + 1

    def _step(self, value: float) -> float:
        return value + self.pick((-1, 1)) * (1 + int(abs(self.normal())))

    def _scale(self, value: float) -> float:
        if abs(value) < 1e-9:
            return 0.5 * self.normal()
        return value * math.exp(0.4 * self.normal())
