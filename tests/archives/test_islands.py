"""Islands keep apart what they are told, and pass on their best."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.islands import Islands
from evolve.archives.puct import Puct
from evolve.archives.top import Top
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Selection, Trial


class TestIslands(ArchiveSuite):
    """The contract of every archive, told trials of no lane."""

    def make(self) -> Archive:
        """With its defaults."""
        return Islands()


class TestIslandsOfPuct(ArchiveSuite):
    """The contract holds with other archives, told trials of their lanes, some of which are none of its own."""

    def make(self) -> Archive:
        """With migrations all the time."""
        return Islands(lambda: Puct(size=5), count=3, migration=2)

    def trials(self, number: int) -> list[Trial]:
        """Of the islands in turn."""
        return [replace(made, lane=f"island-{made.number % 4}" * bool(made.number)) for made in super().trials(number)]


class Listening:
    """Writes down what it is told, and offers the last trial with a fitness."""

    def __init__(self) -> None:
        self.told: list[Trial] = []

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        known = [one for one in self.told if one.fitness is not None]
        if not known:
            raise LookupError
        return Selection(parents=(known[-1],))

    @property
    def numbers(self) -> list[int]:
        return [one.number for one in self.told]


def islands(count: int = 3, migration: int = 2) -> tuple[Islands, list[Listening]]:
    made: list[Listening] = []

    def make() -> Listening:
        made.append(Listening())
        return made[-1]

    return Islands(make, count=count, migration=migration), made


def of(island: int, number: int, fitness: float | None) -> Trial:
    return replace(trial(number, f"x = {number}\n", fitness), lane=f"island-{island}")


def test_the_seed_is_told_to_all_and_a_trial_to_its_own() -> None:
    """A lane that is none of theirs stands for the island that the number says."""
    archive, made = islands(migration=0)
    archive.tell(trial(0, "x = 0\n", 1.0))
    for number, island in enumerate([1, 3, 3, 7, 2, 1], start=1):
        archive.tell(of(island, number, float(number)))
    assert [one.numbers for one in made] == [[0, 1, 6], [0, 4, 5], [0, 2, 3]]


def test_the_best_goes_over_to_the_next_of_the_ring() -> None:
    """After so many trials of its island; a trial goes there once, and on from there if it is the best there too."""
    archive, made = islands(migration=2)
    archive.tell(trial(0, "x = 0\n", 1.0))
    for number, (island, fitness) in enumerate([(3, 5.0), (3, None), (1, 2.0), (1, 3.0), (3, 1.0), (3, 0.0)], start=1):
        archive.tell(of(island, number, fitness))
    assert [one.numbers for one in made] == [[0, 1, 3, 4], [0, 1], [0, 1, 2, 5, 6]]


def test_a_trial_told_again_is_told_wherever_it_went() -> None:
    """And counts for no migration."""
    archive, made = islands(migration=2)
    archive.tell(trial(0, "x = 0\n", 1.0))
    for number, fitness in enumerate([5.0, 4.0], start=1):
        archive.tell(of(1, number, fitness))
    for _ in range(3):
        archive.tell(of(1, 1, 0.5))
    archive.tell(trial(0, "x = 0\n", 0.1))
    assert [one.numbers for one in made] == [[0, 1, 2, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0], [0, 0]]


def test_no_island_starves() -> None:
    """Each is drawn as often: a chi-square test with a fixed seed, 3 degrees of freedom, 16.3 once in a thousand."""
    archive = Islands(count=4)
    archive.tell(trial(0, "x = 0\n", 1.0))
    lanes = [archive.sample(np.random.default_rng(seed)).lane for seed in range(2000)]
    counted = np.array([lanes.count(f"island-{at}") for at in range(1, 5)])
    assert ((counted - 500.0) ** 2 / 500.0).sum() < 16.3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(0, 25))
def test_each_island_is_asked_and_fed_within_a_bound(seed: int, flight: int, migration: int) -> None:
    """Of four, whatever is in flight and how good they are: none waits for more than 90 asks, and of 400 trials each is
    told 45 of its own at least. By chance one would wait longer once in ten billion asks."""
    archive = Islands(count=4, migration=migration)
    archive.tell(trial(0, "x = 0\n", 1.0))
    drawn = np.random.default_rng(seed)
    waiting: list[Trial] = []
    asked: list[str] = []
    fed: Counter[str] = Counter()
    for number in range(1, 401):
        chosen = archive.sample(np.random.default_rng((seed, number)))
        asked.append(chosen.lane)
        fitness = None if drawn.random() < 0.3 else float(len(chosen.lane) + drawn.normal() * int(chosen.lane[-1]))
        made = replace(trial(number, f"x = {number}\n", fitness), parents=(chosen.parents[0].number,))
        waiting.append(replace(made, lane=chosen.lane))
        if len(waiting) == flight:
            told = waiting.pop(int(drawn.integers(flight)))
            archive.tell(told)
            fed[told.lane] += 1
    for at in range(1, 5):
        turns = [-1, *(turn for turn, lane in enumerate(asked) if lane == f"island-{at}"), len(asked)]
        assert max(later - turn for turn, later in pairwise(turns)) <= 90
        assert fed[f"island-{at}"] >= 45


@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), st.floats(-9, 9))), max_size=80), st.integers(0, 5))
def test_every_trial_reaches_an_island_and_the_best_stays_offered(
    tells: list[tuple[int, float | None]], migration: int
) -> None:
    """Whatever lane it has; a greedy island always offers its best, and one of them has the best of all."""
    archive = Islands(lambda: Top(epsilon=0.0), count=3, migration=migration)
    archive.tell(trial(0, "x = 0\n", 0.0))
    for number, (island, fitness) in enumerate(tells, start=1):
        archive.tell(of(island, number, fitness))
    offered = [archive.sample(np.random.default_rng(seed)).parents[0].fitness for seed in range(60)]
    assert max(one for one in offered if one is not None) == max(
        [0.0, *(fitness for _, fitness in tells if fitness is not None)]
    )


def test_an_island_that_lost_its_trials_begins_with_a_neighbours() -> None:
    """What it then proposes is its own."""
    archive, _ = islands(count=2, migration=0)
    archive.tell(trial(0, "x = 0\n", None))
    archive.tell(of(1, 1, 1.0))
    chosen = {archive.sample(np.random.default_rng(seed)).lane for seed in range(20)}
    assert chosen == {"island-1", "island-2"}


@pytest.mark.parametrize("setting", [{"count": 0}, {"migration": -1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, int]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match="at least"):
        Islands(**setting)  # type: ignore[arg-type] # what a command line may give
