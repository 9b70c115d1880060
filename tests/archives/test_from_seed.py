"""FromSeed samples the seed, whatever else is told."""

from __future__ import annotations

import numpy as np

from evolve.archives.from_seed import FromSeed
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive


class TestFromSeed(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """It has no settings."""
        return FromSeed()


def sampled(archive: FromSeed) -> list[int]:
    chosen = archive.sample(np.random.default_rng(0))
    return [one.number for one in (*chosen.parents, *chosen.inspirations)]


def test_the_seed_is_the_parent_and_nothing_inspires() -> None:
    """However good the others are."""
    archive = FromSeed()
    for number in range(20):
        archive.tell(trial(number, f"x = {number}\n", float(number)))
        assert sampled(archive) == [0]


def test_the_best_stands_in_for_a_seed_without_a_score() -> None:
    """Until it has one again."""
    archive = FromSeed()
    for number in range(3):
        archive.tell(trial(number, f"x = {number}\n", float(number)))
    archive.tell(trial(0, "x = 0\n", None))
    assert sampled(archive) == [2]
    archive.tell(trial(0, "x = 0\n", 0.5))
    assert sampled(archive) == [0]
