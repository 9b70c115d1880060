"""Lanes races searches, and drops the losers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.lanes import Lanes, _lanes_for, _sizes
from evolve.archives.puct import Puct
from evolve.archives.weighted import Weighted
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Evaluation, Status, Trial, Usage


class TestLanes(ArchiveSuite):
    """The contract of every archive, told trials of no lane, while there are only starts."""

    def make(self) -> Archive:
        """With its defaults."""
        return Lanes()


class TestOneLane(ArchiveSuite):
    """The contract holds where there is one lane."""

    def make(self) -> Archive:
        """With a budget that is too small for more."""
        return Lanes(budget=10, unit="trials")


class TestLanesOfWeighted(ArchiveSuite):
    """The contract holds through a race, told trials of lanes that are there, were there, and never were."""

    def make(self) -> Archive:
        """With a race that is over after 75 trials."""
        return Lanes(lambda: Weighted(size=6), budget=100, unit="trials", race=0.75, patience=3)

    def trials(self, number: int) -> list[Trial]:
        """Of one lane after the other, and of one that is none."""
        return [
            replace(made, lane=["start", "1", "2", "3", "4", "5", "6", "other"][made.number % 8] * bool(made.number))
            for made in super().trials(number)
        ]


Score = Callable[[Trial, str], float | None]


def child(number: int, fitness: float | None, lane: str, parent: int = 0, calls: int = 0) -> Trial:
    return replace(trial(number, f"x = {number}\n", fitness), lane=lane, parents=(parent,), usage=Usage(calls=calls))


def race(archive: Lanes, trials: int, score: Score, flight: int = 1, seed: int = 0) -> list[Trial]:
    """A search with some trials in flight, which end in a random order."""
    order = np.random.default_rng(seed)
    told = [trial(0, "x = 0\n", 0.0)]
    archive.tell(told[0])
    waiting: list[Trial] = []
    for number in range(1, trials + 1):
        chosen = archive.sample(np.random.default_rng((seed, number)))
        waiting.append(child(number, score(chosen.parents[0], chosen.lane), chosen.lane, chosen.parents[0].number))
        if len(waiting) == flight:
            told.append(waiting.pop(int(order.integers(len(waiting)))))
            archive.tell(told[-1])
    return told


def climbing(parent: Trial, _lane: str) -> float:
    return (parent.fitness or 0.0) + 1.0


@pytest.mark.parametrize(
    ("budget", "sizes"),
    [(29, (1, 1, 1, 1)), (100, (6, 3, 2, 1)), (300, (12, 5, 2, 1)), (1000, (12, 5, 2, 1))],
)
def test_how_many_lanes_a_budget_is_for(budget: int, sizes: tuple[int, ...]) -> None:
    """As published, and between them as many as the budget grows."""
    assert _sizes(_lanes_for(budget)) == sizes


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_a_larger_budget_has_no_fewer_lanes(one: int, other: int) -> None:
    """And never more than twelve."""
    assert 1 <= _lanes_for(min(one, other)) <= _lanes_for(max(one, other)) <= 12


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 8), st.integers(0, 1000), st.sampled_from([40, 100, 130]))
def test_no_lane_starves(flight: int, seed: int, budget: int) -> None:
    """Whatever is in flight: lanes that live are told about as many trials as each other."""
    archive = Lanes(budget=budget, unit="trials", lanes=6, race=1.0, patience=0)
    drawn = np.random.default_rng(seed)
    race(archive, budget * 3 // 5, lambda *_: float(drawn.normal()), flight, seed)
    told = [lane.told for lane in archive._lanes.values()]
    assert len(told) > 1
    assert max(told) - min(told) <= 8 + flight


def test_the_budget_is_spent_as_planned() -> None:
    """Starts, then six lanes, three, two, and one, which goes on when there is more."""
    archive = Lanes(budget=100, unit="trials", lanes=6, starts=0.1, race=0.7)
    told = race(archive, 150, climbing)
    borders = [1, 11, 31, 51, 71, 151]
    lanes = [Counter(one.lane for one in told[begin:end]) for begin, end in pairwise(borders)]
    assert list(lanes[0]) == ["start"]
    assert set(lanes[1]) == set("123456")
    assert [len(counted) for counted in lanes[2:]] == [3, 2, 1]


def test_calls_are_counted_where_models_are_asked() -> None:
    """A trial may take several, or none, and one that is told again takes no more."""
    archive = Lanes(budget=80, unit="calls", starts=0.125, lanes=2)
    archive.tell(trial(0, "x = 0\n", 0.0))
    for number in range(1, 50):
        archive.tell(child(number, 0.0, "start"))
    assert not archive._lanes
    for number in range(50, 55):
        archive.tell(child(number, 1.0, "start", calls=2))
        archive.tell(child(number, 0.5, "start", calls=2))
        assert bool(archive._lanes) == (number == 54)


def test_trials_are_counted_until_there_are_calls() -> None:
    """Unless it is said what is to be counted."""
    archive = Lanes(budget=80, starts=0.125, lanes=2)
    archive.tell(trial(0, "x = 0\n", 0.0))
    for number in range(1, 10):
        archive.tell(child(number, 0.0, "start"))
    assert archive._spent == 9
    archive.tell(child(10, 0.0, "start", calls=2))
    assert archive._spent == 2
    assert not archive._lanes


def test_starts_are_of_the_seed_and_shown_others() -> None:
    """So that each can be another idea; the best of them begin lanes, and so does the seed."""
    archive = Lanes(budget=100, unit="trials", lanes=4, starts=0.1, race=0.7)
    for number in range(10):
        archive.tell(child(number, float(number % 7), "start" if number else ""))
        chosen = archive.sample(np.random.default_rng(number))
        assert (chosen.parents[0].number, chosen.lane, chosen.operator) == (0, "start", "leap")
        assert len(chosen.inspirations) == min(number, 3)
    archive.tell(child(10, None, "start"))
    assert [lane.best[0].number for lane in archive._lanes.values()] == [0, 6, 5, 4]


def test_without_starts_that_have_a_score_lanes_begin_with_the_seed() -> None:
    """As many as there are."""
    archive = Lanes(budget=100, unit="trials", lanes=3, starts=0.02)
    for number in range(3):
        archive.tell(child(number, None if number else 1.0, "start"))
    assert [lane.best[0].number for lane in archive._lanes.values()] == [0, 0, 0]


def after_the_first_drop() -> Lanes:
    """Lanes 1 (best 5) and 3 (best 9) of four live; 10 and 11 were the best of those dropped."""
    archive = Lanes(budget=12, unit="trials", lanes=4, starts=0.0, race=1.0, patience=0)
    archive.tell(trial(0, "x = 0\n", 0.0))
    for number, (lane, fitness) in enumerate([("1", 5.0), ("2", 3.0), ("3", 9.0), ("4", 4.0)], start=1):
        archive.tell(child(number, fitness, lane))
    assert len(archive._lanes) == 3
    for number in range(5, 9):
        archive.tell(child(number, None, "1"))
    assert list(archive._lanes) == ["1", "3"]
    return archive


def test_survivors_are_shown_the_best_of_the_dropped() -> None:
    """Beside what they know themselves."""
    archive = after_the_first_drop()
    shown = {one.number for seed in range(50) for one in archive.sample(np.random.default_rng(seed)).inspirations}
    assert {2, 4} <= shown
    assert not {1, 3} <= {
        one.number
        for seed in range(50)
        for chosen in [archive.sample(np.random.default_rng(seed))]
        if chosen.lane == "1"
        for one in (*chosen.parents, *chosen.inspirations)
    }


def test_what_comes_late_is_an_idea_or_taken_up() -> None:
    """A trial of a dropped lane that beats all lives on in the lane that is last."""
    archive = after_the_first_drop()
    archive.tell(child(20, 8.0, "2"))
    assert archive._dropped[0].number == 20
    archive.tell(child(21, 10.0, "4"))
    assert archive._lanes["1"].best[0].number == 21
    archive.tell(child(21, 0.5, "4"))
    assert archive._lanes["1"].fitness == 5.0


def test_a_trial_told_again_is_told_where_it_is_known() -> None:
    """Where it began, and where it is an idea; the lane is not behind the others for it."""
    archive = after_the_first_drop()
    told = archive._lanes["3"].told
    archive.tell(child(3, 1.0, "3"))
    assert archive._lanes["3"].fitness == 1.0
    assert archive._lanes["3"].told == told
    archive.tell(child(4, None, "4"))
    assert 4 not in archive._dropped


def test_a_stalled_lane_combines_with_the_best_of_another() -> None:
    """When it has leapt and gone back in vain."""
    archive = Lanes(budget=1000, unit="trials", lanes=2, starts=0.0, race=1.0, patience=3, share=1.0)
    archive.tell(trial(0, "x = 0\n", 0.0))
    archive.tell(child(1, 2.0, "1"))
    archive.tell(child(2, 3.0, "2"))
    for number in range(3, 21):
        archive.tell(child(number, None, "12"[number % 2]))
    chosen = [archive.sample(np.random.default_rng(seed)) for seed in range(20)]
    assert {one.operator for one in chosen} == {"combine"}
    assert {(one.lane, *(parent.number for parent in one.parents)) for one in chosen} == {("1", 1, 2), ("2", 2, 1)}
    assert archive.stalled == ""
    for number in range(21, 31):
        archive.tell(child(number, None, "12"[number % 2]))
    assert "no gain" in archive.stalled


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.booleans())
def test_a_replay_comes_to_the_same(seed: int, flight: int, tree: bool) -> None:
    """Told the same trials in the same order, it samples the same, though it was not asked before."""
    make = (lambda: Puct(size=5)) if tree else Weighted
    drawn = np.random.default_rng(seed)

    def new() -> Lanes:
        return Lanes(make, budget=60, unit="trials", patience=4)

    live, again = new(), new()
    told = race(live, 70, lambda *_: float(drawn.normal()) if drawn.random() < 0.8 else None, flight, seed)
    for one in told:
        again.tell(one)
    for number in range(20):
        first, second = (archive.sample(np.random.default_rng(number)) for archive in (live, again))
        assert first == second


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(-5, 5).map(float))), max_size=150))
def test_it_survives_trials_of_any_lane_and_scores_that_are_lost(tells: list[tuple[int, float | None]]) -> None:
    """The best trial that has a score can always be found, and only such trials are offered."""
    archive = Lanes(budget=60, unit="trials", patience=2)
    archive.tell(trial(0, "x = 0\n", 0.0))
    known = {0: trial(0, "x = 0\n", 0.0)}
    for at, (number, fitness) in enumerate(tells):
        lane = ["start", "1", "2", "3", "4", "", "x", "5", "6", "7"][number]
        told = child(at // 2 + 1, fitness, lane)
        known[told.number] = told
        archive.tell(told)
        chosen = archive.sample(np.random.default_rng(at))
        for one in (*chosen.parents, *chosen.inspirations):
            assert one.evaluation == known[one.number].evaluation
            assert one.evaluation.status is Status.OK


def test_memory_does_not_grow_with_the_trials_told() -> None:
    """Neither in the lanes nor in what is kept of others."""
    archive = Lanes(lambda: Weighted(size=5), budget=100, unit="trials", patience=3)
    drawn = np.random.default_rng(0)
    race(archive, 2000, lambda *_: float(drawn.normal()), flight=4)
    for number in range(2001, 2400):
        archive.tell(child(number, float(drawn.normal()), "2"))
    assert len(archive._dropped) <= 12
    assert len(archive._seen._missing) <= 4
    assert all(len(lane.best) <= 8 for lane in archive._lanes.values())


def test_the_seed_may_lose_its_score() -> None:
    """Then lanes begin with the best that there is."""
    archive = Lanes(budget=100, unit="trials", starts=0.0, lanes=2)
    archive.tell(replace(trial(0, "x = 0\n"), evaluation=Evaluation(status=Status.FAILED)))
    with pytest.raises(LookupError):
        archive.sample(np.random.default_rng(0))
    archive.tell(child(1, 1.0, ""))
    assert archive.sample(np.random.default_rng(0)).parents[0].number == 1


@pytest.mark.parametrize(
    "setting",
    [
        {"budget": -1},
        {"unit": "seconds"},
        {"starts": 0.8},
        {"race": 1.5},
        {"race": 0.1},
        {"lanes": -1},
        {"ideas": -1},
        {"patience": -1},
        {"share": 2.0},
        {"threshold": -1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float | str]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match=r"at least|unit is one of"):
        Lanes(**setting)  # type: ignore[arg-type] # what a command line may give
