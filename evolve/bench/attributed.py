"""What rounds of an attribution come to: differences with intervals, and whether the gain is larger than a sham's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evolve.bench.attribution import ARMS
from evolve.bench.comparison import Estimate
from evolve.bench.runs import Array
from evolve.bench.statistics import holm, signed_rank_test, stratified_interval
from evolve.words import quantity

__all__ = ["CONTRASTS", "Attributed", "Contrast", "attributed"]

CONTRASTS = (("new", "old"), ("sham", "old"), ("new", "sham"))
_USED = ["calls", "tokens", "nanodollars", "evaluations", "seconds"]
_SEED = 0
"""Of all resampling: the same data give the same report."""
_LEAST = 5
"""Rounds below which nothing is said: an interval of fewer values is none."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """By how much one arm is ahead of another in a round, on average, in points of the score, which is from 0 to 1.

    `p` is of Wilcoxon's signed-rank test of the rounds, adjusted by Holm over the contrasts.
    """

    arm: str
    against: str
    ahead: Estimate
    p: float


@dataclass(frozen=True, kw_only=True)
class Attributed:
    """The comparison as a whole. `families` has the contrasts' means in each; `means` the arms' scores, and `used` what
    one evaluation of each took: calls, tokens, nano-dollars, evaluations and seconds, on average."""

    rounds: int
    means: dict[str, float]
    contrasts: tuple[Contrast, ...]
    families: dict[str, tuple[float, ...]]
    used: dict[str, dict[str, float]]

    @property
    def verdict(self) -> str:
        """ "larger" when new is ahead of old and of the sham, "smaller" when it is behind either, by intervals of 95 %;
        else "not larger", and "too few" rounds to say."""
        if self.rounds < _LEAST:
            return "too few"
        gain, _, beyond = (contrast.ahead for contrast in self.contrasts)
        if gain.low > 0 and beyond.low > 0:
            return "larger"
        return "smaller" if gain.high < 0 or beyond.high < 0 else "not larger"

    @property
    def words(self) -> str:
        """The same in a sentence or two, for people."""
        gain, luck, beyond = (contrast.ahead for contrast in self.contrasts)
        if self.verdict == "too few":
            return f"Nothing can be said of {quantity(self.rounds, 'round')}: make at least {_LEAST}."
        found = {
            "larger": f"The gain is larger than a sham edit's: new is ahead of it by {_points(beyond)} a round, and of "
            f"old by {_points(gain)}.",
            "smaller": f"There is no gain: new is behind, by {_points(gain)} against old and {_points(beyond)} against "
            f"a sham edit of it.",
            "not larger": f"The gain is not larger than a sham edit's: new is ahead of old by {_points(gain)} a round, "
            f"and of an edit that cannot matter by {_points(beyond)}. So many rounds show what is above "
            f"{(beyond.high - beyond.low) / 2:.3g}.",
        }[self.verdict]
        if luck.low > 0 or luck.high < 0:
            found += (
                " The sham itself differs from old, which chance does once in twenty times: if it stays so with more "
                "rounds, something matters that should not, such as time."
            )
        return found


def attributed(rows: pd.DataFrame) -> Attributed:
    """Of the raw data. Intervals are of 95 %, by bootstrap over rounds, families as strata; a round is drawn with all
    three arms of it, so that the same instances stay together. Raises `ValueError` without a round."""
    if rows.empty:
        raise ValueError("there are no rounds")
    tables = {
        family: part.pivot_table(index="round", columns="arm", values="score", sort=False)[list(ARMS)].to_numpy(float)
        for family, part in rows.groupby("family", sort=False)
    }
    contrasted = {family: _contrasted(table) for family, table in tables.items()}
    groups = list(contrasted.values())
    low, high = stratified_interval(_over_families, groups, np.random.default_rng(_SEED))
    means, whole = _over_families(groups), np.mean(groups, axis=0)
    tests = holm([signed_rank_test(whole[:, at]) for at in range(len(CONTRASTS))])
    evaluations = rows.drop_duplicates(["round", "arm"]).groupby("arm")
    used = evaluations[_USED].mean()
    return Attributed(
        rounds=len(groups[0]),
        means={arm: float(np.mean([table[:, at] for table in tables.values()])) for at, arm in enumerate(ARMS)},
        contrasts=tuple(
            Contrast(arm=arm, against=against, ahead=Estimate(float(means[at]), float(low[at]), float(high[at])), p=p)
            for at, ((arm, against), p) in enumerate(zip(CONTRASTS, tests, strict=True))
        ),
        families={str(name): tuple(table.mean(axis=0).tolist()) for name, table in contrasted.items()},
        used={arm: {name: float(used[name][arm]) for name in _USED} for arm in ARMS},
    )


def _contrasted(scores: Array) -> Array:
    """The contrasts of each round, from its scores in the order of `ARMS`."""
    return np.stack([scores[:, ARMS.index(a)] - scores[:, ARMS.index(b)] for a, b in CONTRASTS], axis=1)


def _over_families(groups: Sequence[Array]) -> Array:
    """Of contrasts: the means over families, each of which counts the same."""
    found: Array = sum(group.sum(axis=0) / len(group) for group in groups) / len(groups)
    return found


def _points(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"
