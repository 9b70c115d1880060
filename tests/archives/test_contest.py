"""A search beside a baseline: neither hears of the other, and the end compares what they had for the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evolve.archives.contest import BASELINE, Contest, Scoreboard
from evolve.archives.from_seed import FromSeed
from evolve.archives.top import Top, greedy
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Trial, Usage


class TestContest(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """With the baseline that there mostly is."""
        return Contest(Top(), FromSeed(), 0.3)

    def trials(self, number: int) -> list[Trial]:
        """Some of each side."""
        return [made if at % 3 else replace(made, lane=BASELINE) for at, made in enumerate(super().trials(number))]


def made(number: int, fitness: float | None, *, baseline: bool = False, calls: int = 0) -> Trial:
    return replace(
        trial(number, f"x = {number}\n", fitness), lane=BASELINE if baseline else "", usage=Usage(calls=calls)
    )


def test_each_side_is_told_its_own() -> None:
    """And both of the seed; a share of the samples is the baseline's."""
    contest = Contest(greedy(), greedy(), 0.25)
    for one in (made(0, 0.0), made(1, 5.0), made(2, 9.0, baseline=True), made(3, 7.0)):
        contest.tell(one)
    found = [contest.sample(np.random.default_rng(seed)) for seed in range(400)]
    theirs = [chosen for chosen in found if chosen.lane == BASELINE]
    assert {chosen.parents[0].number for chosen in theirs} == {2}
    assert {chosen.parents[0].number for chosen in found if chosen.lane != BASELINE} == {3}
    assert 70 <= len(theirs) <= 130


def test_they_are_compared_where_they_have_spent_the_same() -> None:
    """By calls of models where there are some; a trial that is told again counts once."""
    contest = Contest(greedy(), greedy(), 0.5)
    story = [
        made(0, 0.0),
        made(1, 2.0, calls=1),
        made(2, 3.0, baseline=True, calls=1),
        made(3, 5.0, calls=2),
        made(4, None, baseline=True, calls=1),
        made(5, 8.0, calls=1),
    ]
    for one in [*story, story[1]]:
        contest.tell(one)
    found = contest.board.standings
    assert (found.unit, found.spent, found.reached) == ("calls", 2, 2)
    assert (found.baseline, found.equal, found.beaten) == (3.0, 2.0, False)


def test_a_search_that_has_had_less_is_compared_with_what_it_had() -> None:
    """And the line says so; without models, trials count."""
    board = Scoreboard()
    story = [made(0, 1.0), made(1, 0.5), made(2, 0.7, baseline=True), made(3, 2.0, baseline=True)]
    for one in story:
        board.tell(one)
    found = board.standings
    assert (found.unit, found.spent, found.reached) == ("trials", 2, 1)
    assert (found.baseline, found.equal, found.beaten) == (2.0, 1.0, False)
    for one in (made(4, 3.0), made(5, 4.0)):
        board.tell(one)
    assert (board.standings.equal, board.standings.beaten) == (3.0, True)


@pytest.mark.parametrize(("theirs", "ours", "beaten"), [(1.0, 1.0, False), (None, 1.0, True), (None, None, False)])
def test_to_beat_a_baseline_is_to_be_better(theirs: float | None, ours: float | None, beaten: bool) -> None:
    """By fitness, so that lower scores may be better; to have a score at all is better than none."""
    board = Scoreboard()
    board.tell(made(0, None))
    board.tell(made(1, theirs, baseline=True))
    worse = made(2, ours)
    board.tell(replace(worse, evaluation=replace(worse.evaluation, score=None if ours is None else -ours)))
    assert board.standings.beaten == beaten


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_is_between_nothing_and_all(share: float) -> None:
    """Else it is refused."""
    with pytest.raises(ValueError, match="share of a baseline"):
        Contest(Top(), Top(), share)
