"""When are two noisy programs apart? An empirical-Bernstein bound that may be looked at after every sample.

The bound of Maurer and Pontil (2009, theorem 4) holds for a number of samples that was fixed before, and empirical
Bernstein stopping (Mnih, Szepesvári and Audibert, 2008) pays for looking at every sample with a union bound. Here the
predictable plug-in empirical-Bernstein confidence sequence of Waudby-Smith and Ramdas (2024, "Estimating means of
bounded random variables by betting", theorem 2) is used: it holds at all times at once, and is the narrowest of the
three for a few samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["LEAST", "apart"]

LEAST = 3
"""Differences below which nothing is said: the first one only gives the sequence its centre."""

_MOST_LAMBDA = 0.9


def apart(differences: Sequence[float], *, confidence: float, spread: float | None = None) -> int:
    """1 when the mean of `differences` is above zero, -1 when it is below, 0 when that cannot be said yet.

    The sequence may be judged after each new difference, for as long as one likes: the chance that it is ever said to
    be on the wrong side is at most `1 - confidence`. That holds for independent differences that lie within a `spread`
    of each other, whatever their law.

    Without a `spread` it is taken to be the range seen so far, times (n + 1) / (n - 1), which is where the range of n
    samples of a uniform law points to. Then the promise is no theorem: the noise may have a tail that was not seen, as
    that of a lottery. `benchmarks/racing.py` measures how often it is wrong.
    """
    number = len(differences)
    if number < LEAST:
        return 0
    if spread is None:
        spread = (max(differences) - min(differences)) * (number + 1) / (number - 1)
    if spread == 0.0:
        return (differences[0] > 0) - (differences[0] < 0)
    # one side only: a mean above zero is never said to be above it by mistake
    log = math.log(1.0 / (1.0 - confidence))
    centre = total = differences[0]
    weights = weighted = cost = squares = 0.0
    for place, difference in enumerate(differences[1:], start=1):
        # the bet and the centre are made of what came before this difference
        variance = (0.25 + squares) / place
        bet = min(math.sqrt(2.0 * log / (variance * place * math.log1p(place))), _MOST_LAMBDA)
        square = ((difference - centre) / spread) ** 2
        weights += bet
        weighted += bet * difference
        cost += square * (-math.log1p(-bet) - bet)
        squares += square
        total += difference
        centre = total / (place + 1)
    mean, width = weighted / weights, spread * (log + cost) / weights
    return (mean > width) - (mean < -width)
