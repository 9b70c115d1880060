"""The runs of raw data, each a best score that rises with what was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evolve.bench.rows import KEYS, TOTALS

__all__ = ["Array", "Run", "runs_of"]

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """`used` are the totals by name and `best` the best fitness by then, both of one length; higher is better.

    Of the rows only those are kept in which the best changed, and the last.

    `sign` times the fitness is the score. `budget` is the calls that were allowed, infinite where they had no limit.
    """

    policy: str
    task: str
    seed: int
    sign: float
    budget: float
    model: str
    searcher: str
    failed: bool
    message: str
    used: Mapping[str, Array]
    best: Array

    def at(self, name: str, amounts: Array) -> Array:
        """The best fitness when no more than each of `amounts` was used; -inf before there is any."""
        place = np.searchsorted(self.used[name], amounts, side="right") - 1
        found: Array = np.where(place >= 0, self.best[np.maximum(place, 0)], -np.inf)
        return found

    def total(self, name: str) -> float:
        """What was used in the end."""
        return float(self.used[name][-1])

    def calls_to(self, fitness: float) -> tuple[float, bool]:
        """The calls with which it came to a fitness, and True; or the calls up to which it did not, and False.

        A run that ended by itself with calls left is known not to get there with the rest either.
        """
        there = np.flatnonzero(self.best >= fitness)
        if len(there):
            return float(self.used["calls"][there[0]]), True
        return (max(self.budget, self.total("calls")) if np.isfinite(self.budget) else self.total("calls")), False


def runs_of(rows: pd.DataFrame) -> list[Run]:
    """The runs of a table as `evolve.bench.rows.read` gives it, in its order."""
    found = []
    for _, table in rows.groupby(list(KEYS), sort=False):
        first = table.iloc[0]
        sign = -1.0 if first["direction"] == "minimize" else 1.0
        best = sign * table["best"].to_numpy(dtype=float)
        best = np.where(np.isnan(best), -np.inf, best)
        kept = np.append(True, best[1:] != best[:-1])
        kept[-1] = True
        found.append(
            Run(
                policy=str(first["policy"]),
                task=str(first["task"]),
                seed=int(first["seed"]),
                sign=sign,
                budget=float("inf") if pd.isna(first["budget"]) else float(first["budget"]),
                model=str(first["model"]),
                searcher=str(first["searcher"]),
                failed=first["outcome"] == "failed",
                message=str(first["message"]),
                used={name: table[name].to_numpy(dtype=float)[kept] for name in TOTALS},
                best=best[kept],
            )
        )
    return found
