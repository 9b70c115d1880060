"""Stall answers a search that makes no progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Selection


class TestStall(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """Stalled most of the time."""
        return Stall(patience=3, share=1.0)


class TestStallOfPuct(ArchiveSuite):
    """The contract holds around another archive."""

    def make(self) -> Archive:
        """With its defaults, which take long to stall."""
        return Stall(Puct)


def told(fitness: Sequence[float | None], patience: int = 5, share: float = 1.0, threshold: float = 0.01) -> Stall:
    archive = Stall(patience=patience, share=share, threshold=threshold)
    for number, value in enumerate(fitness):
        archive.tell(trial(number, f"x = {number}\n", value))
    return archive


def samples(archive: Stall, number: int = 200) -> list[Selection]:
    return [archive.sample(np.random.default_rng(seed)) for seed in range(number)]


def test_each_step_has_its_wish() -> None:
    """First another idea, then an earlier parent, then a second one, and then from the beginning."""
    begun = [0.0, 1.0, 2.0]
    assert {(one.operator, one.parents[0].number) for one in samples(told([*begun, *[0.5] * 4]))} == {("", 2)}
    for round_ in range(3):
        leaping = samples(told([*begun, *[0.5] * (5 + 15 * round_)]))
        assert {(one.operator, one.parents[0].number) for one in leaping} == {("leap", 2)}
        back = samples(told([*begun, *[0.5] * (10 + 15 * round_)]))
        assert {(one.operator, one.parents[0].number) for one in back} == {("", 0), ("", 1)}
        combined = samples(told([*begun, *[0.5] * (15 + 15 * round_)]))
        assert {(one.operator, one.parents[0].number, len(one.parents)) for one in combined} == {("combine", 2, 2)}


def test_the_rest_of_the_samples_are_the_archives_own() -> None:
    """By the share: 120 of 400 are expected, give or take four standard deviations."""
    drawn = [one.operator for one in samples(told([0.0, 1.0, *[0.5] * 5], share=0.3), 400)]
    assert drawn.count("leap") == pytest.approx(120, abs=37)
    assert drawn.count("") == 400 - drawn.count("leap")


def test_it_says_so_when_nothing_helped() -> None:
    """And no longer once something did."""
    fitness: list[float | None] = [0.0, 1.0, *[None] * 19]
    assert told(fitness).stalled == ""
    assert "in 20 trials" in told([*fitness, None]).stalled
    assert told([*fitness, None, 1.5]).stalled == ""


def test_progress_is_measured_by_the_gap() -> None:
    """A hundredth of what the search has gained matters, less does not; and small steps add up."""
    assert told([0.0, 100.0, *[0.0] * 4, 100.9, 0.0]).step == 1
    assert told([0.0, 100.0, *[0.0] * 4, 101.1, 0.0]).step == 0
    assert told([0.0, 100.0, 100.4, 0.0, 0.0, 100.8, 101.2]).step == 0
    assert told([0.0, 1e-6, *[0.0] * 4, 2e-6, 0.0]).step == 0
    behind = told([0.0])
    behind.reach = 100.0
    for number in range(1, 6):
        behind.tell(trial(number, f"x = {number}\n", number * 0.1))
    assert behind.step == 1


def test_a_partner_from_elsewhere_comes_first() -> None:
    """When there is one, it alone is combined with."""
    archive = told([0.0, 1.0, 2.0, *[0.5] * 15])
    archive.partner = trial(99, "x = 99\n", 1.0)
    assert {one.parents[1].number for one in samples(archive)} == {99}


def leapt() -> Stall:
    """Stalled at 1.0, with a leap that came out worse, and what came of that one."""
    archive = told([0.0, 1.0, *[0.5] * 6])
    archive.tell(trial(20, "x = 20\n", -5.0, operator="leap"))
    archive.tell(trial(21, "x = 21\n", None, operator="leap"))
    archive.tell(replace(trial(22, "x = 22\n", -4.0), parents=(20,)))
    archive.tell(replace(trial(23, "x = 23\n", -4.5), parents=(22,)))
    return archive


def test_a_leap_begins_a_search_of_its_own() -> None:
    """Nobody else would go on with it, as it comes out worse."""
    assert {one.parents[0].number for one in samples(leapt())} == {22}


def test_a_branch_goes_on_while_it_makes_progress() -> None:
    """And the step after it waits; then the best of it is combined with the best of all."""
    archive = leapt()
    for number in range(24, 60):
        archive.tell(replace(trial(number, f"x = {number}\n", number / 10 - 6.0), parents=(number - 2,)))
        assert archive.step == 2
    for number in range(60, 65):
        archive.tell(replace(trial(number, f"x = {number}\n", None), parents=(59,)))
    assert {tuple(one.number for one in chosen.parents) for chosen in samples(archive)} == {(1, 59)}
    archive.tell(replace(trial(65, "x = 65\n", 3.0), parents=(59,)))
    assert archive.step == 0
    assert archive.sample(np.random.default_rng(0)).parents[0].number == 65


def test_a_leap_before_the_stall_begins_no_branch() -> None:
    """It was no answer to one."""
    archive = told([0.0, 1.0, 0.5])
    archive.tell(trial(3, "x = 3\n", 0.7, operator="leap"))
    for number in range(4, 13):
        archive.tell(trial(number, f"x = {number}\n", 0.5))
    assert archive.step == 2
    assert {one.parents[0].number for one in samples(archive)} == {0}


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9).map(float)), max_size=80), st.integers(1, 9))
def test_what_it_goes_back_to_is_bounded_and_has_a_score(fitness: list[float | None], patience: int) -> None:
    """Also when a race has taken scores away."""
    archive = told(fitness, patience=patience)
    for number in range(0, len(fitness), 2):
        archive.tell(trial(number, f"x = {number}\n", None))
    assert len(archive._line) <= 20
    assert len(archive._members) <= 500
    assert all(one.fitness is not None for one in archive._line)
    assert archive._since <= len(fitness)


def test_a_trial_told_again_is_no_further_trial() -> None:
    """The patience is not for races; but when it is better than it was, that is progress."""
    archive = told([0.0, 1.0, *[0.5] * 4])
    for _ in range(50):
        archive.tell(trial(1, "x = 1\n", 1.0))
    assert archive.step == 0
    for number in range(6, 10):
        archive.tell(trial(number, f"x = {number}\n", None))
    assert archive.step == 1
    archive.tell(trial(3, "x = 3\n", 1.5))
    assert archive.step == 0
    assert archive.sample(np.random.default_rng(0)).parents[0].number == 3


@pytest.mark.parametrize("setting", [{"patience": 0}, {"threshold": -0.1}, {"threshold": 2.0}, {"share": 1.1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Stall(**setting)  # type: ignore[arg-type] # what a command line may give
