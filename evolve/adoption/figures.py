"""Figures of self-improvement, from what was said of a lineage of adopted programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from evolve.adoption.records import Transition

__all__ = ["Figures", "figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What became of a lineage in `trials` trials. Rates are None where there is nothing to divide by.

    `standing` are the adoptions that were not rolled back. `improvement_rate` is them, and `velocity` the lines that
    they changed, for 100 trials; `regression_rate` is the share of adoptions that were rolled back. `validated` is the
    share of the confirmed challengers that were adopted. `trials_to_improve` is the mean number of trials from one
    standing adoption to the next, from the start to the first. `pairs` are those that decisions took, and
    `pairs_to_improve` how many of them came on each standing adoption. `gain` is the sum of the gains that the gate
    measured of these, each of which is somewhat too high.
    """

    trials: int
    confirmed: int
    adopted: int
    standing: int
    pairs: int
    gain: float
    improvement_rate: float | None
    regression_rate: float | None
    velocity: float | None
    validated: float | None
    trials_to_improve: float | None
    pairs_to_improve: float | None


def figures(said: Sequence[Transition], trials: int) -> Figures:
    """Of transitions, in order."""
    standing: list[Transition] = []
    adopted = 0
    spent: dict[int, int] = {}
    for transition in said:
        if transition.evidence is not None and transition.kind != "confirming":
            spent[transition.evidence.confirmation] = transition.evidence.pairs
        if transition.kind == "adopted":
            adopted += 1
            standing.append(transition)
        elif transition.kind == "rolled back":
            standing.pop()
    confirmed, pairs = len(spent), sum(spent.values())
    times = [0, *(transition.at for transition in standing)]
    waits = [later - earlier for earlier, later in pairwise(times)]
    lines = sum(transition.change.lines for transition in standing if transition.change is not None)
    gain = sum(transition.evidence.mean for transition in standing if transition.evidence is not None)
    return Figures(
        trials=trials,
        confirmed=confirmed,
        adopted=adopted,
        standing=len(standing),
        pairs=pairs,
        gain=gain,
        improvement_rate=100.0 * len(standing) / trials if trials else None,
        regression_rate=1.0 - len(standing) / adopted if adopted else None,
        velocity=100.0 * lines / trials if trials else None,
        validated=adopted / confirmed if confirmed else None,
        trials_to_improve=fmean(waits) if waits else None,
        pairs_to_improve=pairs / len(standing) if standing else None,
    )
