"""Grid: MAP-Elites, the best trial of each kind."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, Kept, others
from evolve.types import Program, Selection, Trial

__all__ = ["Grid"]

Cell = tuple[int, ...]

_WINDOW = 1000
"""Recent trials whose measures say where the borders of cells are."""
_FIRST_BORDERS = 8
"""Trials after which there are borders; they are drawn anew whenever there were twice as many."""
_BUILT_IN = ("size", "diversity")


@dataclass(frozen=True, slots=True)
class _Measure:
    """Its name, and its range where that is known."""

    name: str
    low: float = math.nan
    high: float = math.nan


class Grid:
    """Keeps the best trial of each cell of a grid over measures, and samples any of them.

    MAP-Elites (arXiv 1504.04909). A measure is what an evaluation says in `measures`. Where the first trial with a
    score has none, two of the programs' text serve instead: `size`, its bytes, and `diversity`, the share of its lines
    that the first program lacks. Trials that lack a measure share one cell.

    A measure has bins of equal width where its range is given. Else their borders are quantiles of the last thousand
    trials, drawn anew each time the number of trials has doubled, when the elites move to their new cells: as in
    MAP-Elites with sliding boundaries (arXiv 1904.10656).

    Args:
        measures: names with + between them, each with its range if that is known, as "loops:0:10+depth"; "size"
            and "diversity" are the built-in ones where the task measures nothing of that name. Empty: see above.
        cells: how many there are at most; each measure has the same number of bins, and at least two, so that of many
            measures only the first ones are used.
        epsilon: how often the parent is any of the elites; otherwise it is the best of them.
        inspirations: how many other elites go with the parent.

    Raises `ValueError` for cells below 4, inspirations below 0, an epsilon that is no probability, and measures that
    cannot be read or have too few cells.
    """

    def __init__(self, measures: str = "", cells: int = 100, epsilon: float = 1.0, inspirations: int = 2) -> None:
        if cells < 4 or not 0.0 <= epsilon <= 1.0 or inspirations < 0:
            raise ValueError(
                f"cells are at least 4, epsilon is between 0 and 1 and inspirations are at least 0, not {cells}, "
                f"{epsilon} and {inspirations}"
            )
        self._measures = tuple(_read(text) for text in measures.split("+")) if measures.strip() else ()
        if len({measure.name for measure in self._measures}) < len(self._measures):
            raise ValueError(f"a measure is named twice in {measures!r}")
        self._most = int(math.log2(cells))
        if len(self._measures) > self._most:
            raise ValueError(f"{len(self._measures)} measures need {2 ** len(self._measures)} cells, not {cells}")
        self._cells, self._epsilon, self._inspirations = cells, epsilon, inspirations
        self._elites = Kept(cells + 1)
        self._cell_of: dict[int, Cell] = {}
        self._elite_of: dict[Cell, Trial] = {}
        self._first: frozenset[bytes] | None = None
        """The lines of the first program with a score."""
        self._window: deque[tuple[float, ...]] = deque(maxlen=_WINDOW)
        self._measured = 0
        self._borders: tuple[np.ndarray, ...] = ()

    def tell(self, trial: Trial) -> None:
        """Make the trial the elite of its cell if it is better. An elite that is told again takes its new place."""
        known = trial.number in self._cell_of
        if known:
            self._remove(trial.number)
        if trial.fitness is None:
            return
        if self._first is None:
            self._begin(trial)
        if not known and (measured := self._measure(trial)) is not None:
            self._learn(measured)
        self._place(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        """A parent and inspirations. Raises `LookupError` when no trial has a fitness."""
        if not len(self._elites):
            raise LookupError(NOTHING_TO_SAMPLE)
        at = int(rng.integers(len(self._elites))) if rng.random() < self._epsilon else 0
        parent = self._elites[at]
        return Selection(parents=(parent,), inspirations=others(self._elites, parent, self._inspirations, rng))

    def _begin(self, first: Trial) -> None:
        self._first = frozenset(_lines(first.program))
        if not self._measures:
            names = list(first.evaluation.measures)[: self._most] or _BUILT_IN
            self._measures = tuple(_Measure(name) for name in names)
        bins = math.floor(self._cells ** (1 / len(self._measures)) + 1e-9)
        self._shares = np.arange(1, bins) / bins
        self._draw_borders()

    def _measure(self, trial: Trial) -> tuple[float, ...] | None:
        """Its measures in order; None when it lacks one."""
        given = trial.evaluation.measures
        values = tuple(
            float(given[measure.name]) if measure.name in given else self._built_in(measure.name, trial.program)
            for measure in self._measures
        )
        return values if all(math.isfinite(value) for value in values) else None

    def _built_in(self, name: str, program: Program) -> float:
        if name == "size":
            return float(sum(len(content) for content in program.files.values()))
        if name == "diversity":
            lines = _lines(program)
            assert self._first is not None
            return sum(line not in self._first for line in lines) / max(len(lines), 1)
        return math.nan

    def _learn(self, measured: tuple[float, ...]) -> None:
        """Draw the borders anew when it is time, and let the elites find their cells."""
        self._window.append(measured)
        self._measured += 1
        if self._measured < _FIRST_BORDERS or self._measured & (self._measured - 1):
            return
        self._draw_borders()
        elites = list(self._elites)
        for elite in elites:
            self._remove(elite.number)
        for elite in elites:  # the best first, so that it keeps its place
            self._place(elite)

    def _draw_borders(self) -> None:
        columns = np.array(self._window).T if self._measured >= _FIRST_BORDERS else [np.zeros(0)] * len(self._measures)
        self._borders = tuple(
            np.quantile(column, self._shares)
            if math.isnan(measure.low) and len(column)
            else measure.low + self._shares * (measure.high - measure.low)
            for measure, column in zip(self._measures, columns, strict=True)
        )

    def _cell(self, trial: Trial) -> Cell:
        measured = self._measure(trial)
        if measured is None:
            return ()
        return tuple(
            int(np.searchsorted(borders, value, side="right"))
            for borders, value in zip(self._borders, measured, strict=True)
        )

    def _place(self, trial: Trial) -> None:
        cell = self._cell(trial)
        elite = self._elite_of.get(cell)
        if elite is not None:
            assert elite.fitness is not None
            assert trial.fitness is not None
            if trial.fitness <= elite.fitness:
                return
            self._remove(elite.number)
        self._elites.tell(trial)
        self._cell_of[trial.number] = cell
        self._elite_of[cell] = trial

    def _remove(self, number: int) -> None:
        self._elites.forget(number)
        del self._elite_of[self._cell_of.pop(number)]


def _read(text: str) -> _Measure:
    """A measure of the command line: NAME or NAME:LOW:HIGH."""
    name, *span = text.strip().split(":")
    try:
        low, high = (float(border) for border in span) if span else (math.nan, math.nan)
    except ValueError as error:
        raise ValueError(f"a measure is NAME or NAME:LOW:HIGH, with numbers, and not {text.strip()!r}") from error
    if not name or (span and not -math.inf < low < high < math.inf):
        raise ValueError(f"a measure is NAME or NAME:LOW:HIGH, with LOW below HIGH, and not {text.strip()!r}")
    return _Measure(name, low, high)


def _lines(program: Program) -> list[bytes]:
    """What its files say, line by line, without indentation and empty lines."""
    found = (line.strip() for _, content in sorted(program.files.items()) for line in content.splitlines())
    return [line for line in found if line]
