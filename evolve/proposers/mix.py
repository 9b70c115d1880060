"""Mix: several proposers, one drawn for each trial."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.proposers._dice import Dice
from evolve.proposers.crossover import Crossover
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.types import Context, Proposal, Proposer, Selection, Trial

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

    def propose(self, selection: Selection, context: Context) -> Proposal:
        """What the proposer that was drawn proposes."""
        dice = Dice(context.rng)
        left = list(self._proposers)
        while True:
            drawn = dice.weighted([(weight, (weight, proposer)) for weight, proposer in left])
            proposal = drawn[1].propose(selection, context)
            left.remove(drawn)
            if not proposal.rejected or proposal.usage.calls or not left:
                return proposal

    def tell(self, trial: Trial) -> None:
        """Tells them all."""
        for _, proposer in self._proposers:
            proposer.tell(trial)
