"""Grid keeps the best trial of each cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.archives.grid import Grid
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Trial


def measured(number: int, fitness: float | None, text: str = "x = 0\n", **measures: float) -> Trial:
    made = trial(number, text, fitness)
    return replace(made, evaluation=replace(made.evaluation, measures=measures))


class TestGrid(ArchiveSuite):
    """The contract of every archive, with the measures that are built in."""

    def make(self) -> Archive:
        """With its defaults."""
        return Grid()


class TestGridOfMeasures(ArchiveSuite):
    """The contract holds with measures of a task, which some trials lack."""

    def make(self) -> Archive:
        """One of them with a range."""
        return Grid("loops:0:4+depth", cells=9, epsilon=0.5)

    def trials(self, number: int) -> list[Trial]:
        """Each third trial has one measure only."""
        return [
            replace(made, evaluation=replace(made.evaluation, measures=measures))
            for made in super().trials(number)
            for measures in [
                {"loops": float(made.number % 5), **({"depth": made.number**0.5} if made.number % 3 else {})}
            ]
        ]


def elites(grid: Grid) -> set[int]:
    return {grid.sample(np.random.default_rng(seed)).parents[0].number for seed in range(400)}


@given(
    st.lists(
        st.tuples(st.integers(-9, 9).map(float), st.floats(-0.5, 1.5), st.floats(-0.5, 1.5)), min_size=1, max_size=60
    )
)
def test_each_cell_holds_the_best_of_its_trials(tells: list[tuple[float, float, float]]) -> None:
    """Of equals the first one told; what lies outside of a range is in the outermost cell."""
    grid, best = Grid("a:0:1+b:0:1", cells=9), dict[tuple[int, int], tuple[float, int]]()
    for number, (fitness, a, b) in enumerate(tells):
        grid.tell(measured(number, fitness, a=a, b=b))
        place = min(max(int(np.floor(a * 3)), 0), 2), min(max(int(np.floor(b * 3)), 0), 2)
        if place not in best or fitness > best[place][0]:
            best[place] = fitness, number
    assert {one.number for one in grid._elites} == {number for _, number in best.values()}


def test_every_elite_is_as_likely() -> None:
    """A chi-square test with a fixed seed: 8 degrees of freedom, 26.1 is exceeded once in a thousand times."""
    grid = Grid("a:0:9+b:0:1", cells=81)
    for number in range(9):
        grid.tell(measured(number, float(number), a=number + 0.5, b=0.5))
    drawn = [grid.sample(np.random.default_rng(seed)).parents[0].number for seed in range(3600)]
    counted = np.bincount(drawn, minlength=9)
    assert ((counted - 400.0) ** 2 / 400.0).sum() < 26.1


def test_epsilon_says_how_often() -> None:
    """Otherwise the best one is the parent."""
    grid = Grid("a:0:4+b:0:1", cells=16, epsilon=0.0)
    for number in range(4):
        grid.tell(measured(number, float(-number), a=number + 0.5, b=0.5))
    assert elites(grid) == {0}


def test_borders_follow_what_is_measured() -> None:
    """At any scale, an outlier or not: a bin has about as many of the trials as the next one."""
    grid = Grid("a", cells=10)
    rng = np.random.default_rng(0)
    for number in range(1100):
        grid.tell(measured(number, 0.0, a=float(np.exp(20 * rng.normal()))))
    cells = [grid._cell(measured(0, 0.0, a=float(np.exp(20 * rng.normal()))))[0] for _ in range(2000)]
    assert np.bincount(cells, minlength=10) == pytest.approx(np.full(10, 200), abs=80)
    assert len(grid._elites) == 10


@given(st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e9, 1e9)), st.floats(-1e9, 1e9)), max_size=80))
def test_the_best_trial_is_kept_and_the_cells_are_bounded(tells: list[tuple[float | None, float]]) -> None:
    """Whatever becomes of the borders; each elite is in the cell that its measures say."""
    grid = Grid(cells=4)
    known = [fitness for fitness, _ in tells if fitness is not None]
    for number, (fitness, value) in enumerate(tells):
        grid.tell(measured(number, fitness, a=value, b=-value))
    assert len(grid._elites) <= 5
    assert all(grid._cell(elite) == cell for cell, elite in grid._elite_of.items())
    assert {elite.number: cell for cell, elite in grid._elite_of.items()} == grid._cell_of
    if known:
        assert grid._elites[0].fitness == max(known)


def test_the_text_is_measured_where_the_task_measures_nothing() -> None:
    """By size and by the share of lines that the first program does not have; where it does, that is what counts."""
    grid = Grid()
    grid.tell(trial(0, "a = 1\nb = 2\n", 1.0))
    assert grid._measure(trial(1, "a = 1\n\n    b = 2\nc = 3\nd = 4\n", 1.0)) == (29.0, 0.5)
    named = Grid("size+diversity")
    named.tell(measured(0, 1.0, size=3.0))
    assert named._measure(measured(1, 1.0, text="y = 1\n", size=4.0)) == (4.0, 1.0)
    tasks = Grid()
    tasks.tell(measured(0, 1.0, loops=3.0))
    assert tasks._measure(measured(1, 1.0, loops=5.0)) == (5.0,)
    assert tasks._measure(trial(2, "x = 1\n", 1.0)) is None


@pytest.mark.parametrize(
    "setting",
    [
        {"cells": 3},
        {"epsilon": 1.5},
        {"inspirations": -1},
        {"measures": "a:1"},
        {"measures": "a:1:1"},
        {"measures": "a:0:inf"},
        {"measures": "a:x:y"},
        {"measures": "a+"},
        {"measures": "a+a:0:1"},
        {"measures": "a+b+c", "cells": 7},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, str | float]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match=r"measure|cells"):
        Grid(**setting)  # type: ignore[arg-type] # what a command line may give
