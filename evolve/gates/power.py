"""What a gate could have seen: the chance that a gain of a given size is adopted, and the smallest one that likely is.

Computed, not simulated: for differences that are -1, 0 or 1 an e-value depends on two counts alone, how often the
challenger was ahead and how often behind, so the law of these counts can be carried from round to round, and what
crosses a threshold is taken out. That is exact for tasks that are solved or not. For other scores it stands for the law
with the same mean and mean square; `benchmarks/gate.py` compares it with simulations of several laws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evolve.gates.sequential import BETS, Rules

__all__ = ["Chance", "chance", "smallest_gain"]

_LIKELY = 0.8
_PRECISION = 0.001


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely a challenger is `adopted`, and how many `pairs` its confirmation takes on average. Vetoes are left
    out: no family loses where all gain the same."""

    adopted: float
    pairs: float


def chance(rules: Rules, level: float, gain: float, square: float) -> Chance:
    """For a challenger that is ahead by `gain` on average in every family, with mean d² of `square`, at level alpha_k.

    Raises `ValueError` when there is no such law: a gain is at most its mean square where d is -1, 0 or 1.
    """
    if not abs(gain) <= square <= 1.0:
        raise ValueError(f"no difference that is -1, 0 or 1 has the mean {gain} and the mean square {square}")
    ahead, behind = (square + gain) / 2.0, (square - gain) / 2.0
    size, round_size = rules.rounds * len(rules.families), len(rules.families)
    logs = _log_e_values(size)
    law: NDArray[np.float64] = np.zeros((size + 1, size + 1))
    law[0, 0] = 1.0
    adopted = pairs = 0.0
    for number in range(1, size + 1):
        _one_more(law, number, ahead, behind)
        if number % round_size:
            continue
        part = law[: number + 1, : number + 1]
        log_e = logs[: number + 1, : number + 1]
        out = np.zeros_like(part, dtype=bool)
        if number >= rules.least * round_size:
            won = log_e >= -math.log(level)
            adopted += float(part[won].sum())
            out |= won
        if number >= rules.hopeful and rules.futility:
            out |= log_e < math.log(rules.futility)
        pairs += number * float(part[out].sum())
        part[out] = 0.0
    return Chance(adopted, pairs + size * float(law.sum()))


@lru_cache(maxsize=256)
def smallest_gain(rules: Rules, level: float, square: float) -> float | None:
    """The smallest gain that is adopted with a chance of 80 %, where d² is `square` on average without it; None when
    not even a challenger that is ahead by 1 in every pair is. Above the true one by at most a thousandth."""
    size = rules.rounds * len(rules.families)
    if _log_e_values(size)[size, 0] < -math.log(level):
        return None
    # False position on the normal quantile of the chance, which is nearly linear in the gain. A guess goes a little
    # past the root, so that the other end comes near next, and halves the interval when one end has stayed for long.
    low, high, below, above = 0.0, 1.0, _quantile(level), _quantile(1.0)
    rises = 0
    while (width := high - low) > _PRECISION:
        guess = low + width * below / (below - above) + math.copysign(0.4 * _PRECISION, rises)
        guess = min(max(guess, low + width / 50.0), high - width / 50.0) if abs(rises) < 3 else (low + high) / 2.0
        found = _quantile(chance(rules, level, guess, max(square, guess)).adopted)
        if found < 0.0:
            low, below, rises = guess, found, max(rises, 0) + 1
        else:
            high, above, rises = guess, found, min(rises, 0) - 1
    return high


def _quantile(chance: float) -> float:
    """How far above 80 % a chance is, in standard deviations of a normal law."""
    law = NormalDist()
    return law.inv_cdf(min(max(chance, 1e-9), 1.0 - 1e-9)) - law.inv_cdf(_LIKELY)


def _one_more(law: NDArray[np.float64], number: int, ahead: float, behind: float) -> None:
    """Turn the law of (times ahead, times behind) before pair `number` into that after it."""
    before = law[:number, :number].copy()
    law[:number, :number] *= 1.0 - ahead - behind
    law[1 : number + 1, :number] += ahead * before
    law[:number, 1 : number + 1] += behind * before


@lru_cache(maxsize=4)
def _log_e_values(size: int) -> NDArray[np.float64]:
    """The log of the e-value after so many pairs ahead and so many behind, shape (size + 1, size + 1)."""
    count = np.arange(size + 1.0)
    bets = np.asarray(BETS)[:, None, None]
    logs = count[None, :, None] * np.log1p(bets) + count[None, None, :] * np.log1p(-bets)
    highest = logs.max(axis=0)
    values: NDArray[np.float64] = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return values
