"""Every proposer keeps the contract of proposers."""

from __future__ import annotations

from evolve.proposers.crossover import Crossover
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.testing.proposers import ProposerSuite
from evolve.types import Proposer


class TestMutation(ProposerSuite):
    """Mutation."""

    def make(self, regions: Regions) -> Proposer:
        """With its defaults."""
        return Mutation(regions)


class TestCrossover(ProposerSuite):
    """Crossover."""

    def make(self, regions: Regions) -> Proposer:
        """With its defaults."""
        return Crossover(regions)


class TestTuner(ProposerSuite):
    """Tuner."""

    def make(self, regions: Regions) -> Proposer:
        """With its defaults."""
        return Tuner(regions)


class TestMix(ProposerSuite):
    """The default mix."""

    def make(self, regions: Regions) -> Proposer:
        """As a run without a model has it."""
        return Mix.default(regions)
