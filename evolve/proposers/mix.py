"""Mix: several proposers, one drawn for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from evolve.proposers._dice import Dice
from evolve.proposers.crossover import Crossover
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.types import Context, Plan, Proposal, Proposer, Selection, Trial

__all__ = ["Mix"]


class Mix:
    """Draws one of its proposers by weight; when that one has nothing to propose, and it cost nothing, another one.

    Every proposer hears of every trial. `proposers` are (weight, proposer) pairs; weights are positive.
    Raises `ValueError` when there is none.
    """

    def __init__(self, proposers: Sequence[tuple[float, Proposer]]) -> None:
        if not proposers or any(weight <= 0 for weight, _ in proposers):
            raise ValueError("a mix needs at least one proposer, each with a positive weight")
        self._proposers = tuple(proposers)

    @classmethod
    def default(cls, regions: Regions) -> Mix:
        """All that need no model.

        Tuning stops early here: a structure that is no longer getting better is left to mutation, which then has more
        of the trials (benchmarks/proposers.py measures what comes of it).
        """
        tuner = Tuner(regions, patience=5, restarts=0, elsewhere=False)
        return cls([(0.6, Mutation(regions)), (0.1, Crossover(regions)), (0.3, tuner)])

    def plan(self, selection: Selection, context: Context) -> Plan:
        """What the proposer that was drawn proposes."""
        dice = Dice(context.rng)
        left = list(self._proposers)
        plans: list[Plan] = []
        while left:
            drawn = dice.weighted([(weight, (weight, proposer)) for weight, proposer in left])
            left.remove(drawn)
            plans.append(drawn[1].plan(selection, context))
        return partial(_first_that_holds, plans)

    def tell(self, trial: Trial) -> None:
        """Tells them all."""
        for _, proposer in self._proposers:
            proposer.tell(trial)


def _first_that_holds(plans: Sequence[Plan]) -> Proposal:
    """The first proposal that is valid, or was paid for; else the last."""
    for plan in plans:
        proposal = plan()
        if not proposal.rejected or proposal.usage.calls:
            break
    return proposal
