"""Archives by name, with settings."""

from __future__ import annotations

import numpy as np
import pytest

from evolve.archives.contest import Contest
from evolve.archives.islands import Islands
from evolve.archives.top import Top
from evolve.errors import TaskError
from evolve.policies import ARCHIVES, make_archive, settings_of, tuning_settings, with_baseline
from evolve.testing.trials import trial


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_archive_can_be_had_by_its_name(name: str) -> None:
    """And works."""
    archive = make_archive(name)
    archive.tell(trial(0, "x = 1\n", 1.0))
    assert archive.sample(np.random.default_rng(0)).parents[0].number == 0


def test_settings_follow_the_name() -> None:
    """As words of a command line; those of a user's archive go to it as they are."""
    archive = make_archive("top,size=1,epsilon=0.5")
    for number in range(3):
        archive.tell(trial(number, f"x = {number}\n", float(number)))
    assert archive.sample(np.random.default_rng(0)).inspirations == ()
    assert "measures" in settings_of("grid")
    assert isinstance(make_archive("evolve.archives.islands:Islands, count=2"), Islands)


def test_a_grid_may_have_several_measures() -> None:
    """With + between them, since commas are between settings."""
    archive = make_archive("grid,measures=loops:0:10+depth,cells=16")
    archive.tell(trial(0, "x = 1\n", 1.0))
    assert archive.sample(np.random.default_rng(0)).parents[0].number == 0
    with pytest.raises(TaskError, match="4 measures need 16 cells, not 8"):
        make_archive("grid,measures=a+b+c+d,cells=8")


def test_an_archive_of_archives_is_told_of_which() -> None:
    """By name."""
    archive = make_archive("islands,inner=puct,count=2")
    archive.tell(trial(0, "x = 1\n", 1.0))
    lanes = {archive.sample(np.random.default_rng(seed)).lane for seed in range(20)}
    assert lanes == {"island-1", "island-2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tops", "there is no archive 'tops'; there are top"),
        ("top,size", "'size' is no setting; settings are key=value"),
        ("top,size=3,size=4", "size is set twice"),
        ("top,sice=3", "the archive 'top' has no setting 'sice'; it has size, epsilon"),
        ("best-of-n,size=3", "has no setting 'size'; it has none"),
        ("top,size=0", "cannot be made: size is at least 1"),
        ("top,size=many", "cannot be made"),
        ("islands,inner=tops", "there is no archive 'tops'"),
        ("islands,make=3", "has no setting 'make'; it has count, migration, inner"),
        ("evolve.archives.top:Top,wrong=1", "Top\\(wrong=1\\) raised TypeError"),
    ],
)
def test_what_is_no_archive_is_refused(text: str, words: str) -> None:
    """With what is wrong and what there is."""
    with pytest.raises(TaskError, match=words):
        make_archive(text)


def test_tuning_is_on_or_says_how_much() -> None:
    """In numbers of evaluations."""
    assert tuning_settings("on") == {}
    assert tuning_settings("screen=8,most=100") == {"screen": 8, "most": 100}
    for text in ("screen=x", "screan=8", "screen=-1", "screen=true", "maybe"):
        with pytest.raises(TaskError, match="tuning"):
            tuning_settings(text)


def test_a_baseline_is_an_archive_and_a_share() -> None:
    """The archive may have settings of its own."""
    assert isinstance(with_baseline(Top(), "top,epsilon=0.5=0.1"), Contest)
    for text in ("best-of-n", "best-of-n=1", "best-of-n=x", "=0.5", "best-of-n=nan"):
        with pytest.raises(TaskError, match="baseline is NAME=SHARE"):
            with_baseline(Top(), text)
    with pytest.raises(TaskError, match="no archive 'tops'"):
        with_baseline(Top(), "tops=0.5")


def test_lanes_divide_up_the_budget_of_the_run() -> None:
    """Unless they are told another one."""
    few, many = (make_archive("lanes", {"calls": calls}) for calls in (20, 1000))
    assert make_archive("lanes,budget=20,unit=calls", {"calls": 1000})
    lanes = []
    for archive in (few, many):
        archive.tell(trial(0, "x = 1\n", 1.0))
        lanes.append(archive.sample(np.random.default_rng(0)).lane)
    assert lanes[0] != lanes[1]
