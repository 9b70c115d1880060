"""What holds for every archive: replay, bounded memory, bounded work."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve import policies
from evolve.archives.contest import Contest
from evolve.archives.from_seed import FromSeed
from evolve.archives.grid import Grid
from evolve.archives.islands import Islands
from evolve.archives.lanes import Lanes
from evolve.archives.pareto import Pareto
from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.archives.top import Top, greedy
from evolve.archives.tuned import Tuned
from evolve.archives.weighted import Weighted
from evolve.policies import make_archive
from evolve.testing.trials import trial
from evolve.types import Archive, Selection, Trial

Make = Callable[[], Archive]

_CODE = f"{os.sep}{Path('evolve', 'archives')}{os.sep}"

SMALL: dict[str, Make] = {
    "from_seed": FromSeed,
    "greedy": greedy,
    "top": lambda: Top(size=6),
    "puct": lambda: Puct(size=6, spread=3),
    "weighted": lambda: Weighted(size=6),
    "grid": lambda: Grid(cells=6),
    "islands": lambda: Islands(lambda: Puct(size=3), count=3, migration=3),
    "pareto of instances": lambda: Pareto("instances", size=6),
    "pareto of objectives": lambda: Pareto("objectives", size=6),
    "stall": lambda: Stall(lambda: Top(size=6), patience=4),
    "lanes": lambda: Lanes(lambda: Top(size=3), budget=60, unit="trials", patience=4),
    "contest": lambda: Contest(Top(size=6), Weighted(size=6), 0.3),
    "tuned": lambda: Tuned(Lanes(budget=60, unit="trials", patience=4)),
}
"""With little room, so that places are fought for."""
EVERY: dict[str, Make] = SMALL | {f"{name} by name": partial(make_archive, name) for name in policies.ARCHIVES}
"""And those that a name stands for, as they are."""
MOST = 500
"""Trials that any of these holds."""


def search(archive: Archive, number: int, seed: int, flight: int = 1, *, again: bool = False) -> list[Trial]:
    """A search with some in flight; `again` has champions told again, some without a score. Gives what was told."""
    drawn = np.random.default_rng(seed)
    told = [made(0, None, drawn)]
    archive.tell(told[0])
    waiting: list[Trial] = []
    for at in range(1, number):
        waiting.append(made(at, archive.sample(np.random.default_rng((seed, at))), drawn))
        if len(waiting) == flight:
            told.append(waiting.pop(int(drawn.integers(flight))))
            archive.tell(told[-1])
        if again and at % 10 == 0:
            corrected = made(told[-1].number, None, drawn)
            told.append(replace(told[-1], evaluation=corrected.evaluation))
            archive.tell(told[-1])
    return told


def steps_of_samples(archive: Archive) -> float:
    """Bytecodes that a sample takes in the archives' own code, in the mean of forty."""
    steps = 0

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal steps
        if _CODE not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        for seed in range(40):
            archive.sample(np.random.default_rng(seed))
    finally:
        sys.settrace(before)
    return steps / 40


def made(number: int, chosen: Selection | None, drawn: np.random.Generator) -> Trial:
    one = trial(number, f"x = {number}\n" * int(drawn.integers(1, 9)), round(float(drawn.normal()), 1))
    if number and drawn.random() < 0.25:
        one = trial(number, "x = 0\n", None)
    names = {str(at): float(drawn.integers(9)) for at in range(4)}
    evaluation = (
        replace(one.evaluation, instances=names, objectives=names) if one.fitness is not None else one.evaluation
    )
    parents = tuple(parent.number for parent in chosen.parents) if chosen else ()
    operator, lane = (chosen.operator or "edit", chosen.lane) if chosen else ("seed", "")
    return replace(one, evaluation=evaluation, parents=parents, operator=operator, lane=lane)


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), flight=st.integers(1, 5), again=st.booleans())
def test_a_replay_samples_the_same(make: Make, seed: int, flight: int, *, again: bool) -> None:
    """Told the same trials in the same order, never sampled before, whatever was in flight or told again; and the
    search goes on as the one that was never rebuilt."""
    live, replayed = make(), make()
    for told in search(live, 80, seed, flight, again=again):
        replayed.tell(told)
    drawn = np.random.default_rng(seed)
    for number in range(80, 110):
        selections = [archive.sample(np.random.default_rng((seed, number))) for archive in (live, replayed)]
        assert selections[0] == selections[1]
        told = made(number, selections[0], drawn)
        for archive in (live, replayed):
            archive.tell(told)


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_the_trials_that_it_holds_do_not_grow_in_number(make: Make) -> None:
    """Counted while they are alive, after ten thousand were told. Nor does the work of a sample grow: it is counted in
    steps of the interpreter, which are the same on any machine."""
    archive = make()
    alive: WeakValueDictionary[int, Trial] = WeakValueDictionary()
    drawn = np.random.default_rng(0)
    chosen: Selection | None = None
    work: dict[int, float] = {}
    for number in range(10_001):
        one = made(number, chosen, drawn)
        alive[number] = one
        archive.tell(one)
        if number % 8 == 0 or number < 300:
            chosen = archive.sample(drawn)
        if number in {1_000, 10_000}:
            work[number] = steps_of_samples(archive)
    del one, chosen
    gc.collect()
    assert 1 <= len(alive) <= MOST
    assert 0 < work[10_000] <= 1.5 * work[1_000]


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_the_best_is_sampled_sooner_or_later(make: Make) -> None:
    """Whatever an archive prefers: what is best in everything comes to be a parent, except of the baseline."""
    archive = make()
    told = search(archive, 80, seed=3)
    names = {str(at): 99.0 for at in range(4)}
    best = trial(1000, "best = True\n", 99.0)
    archive.tell(
        replace(best, evaluation=replace(best.evaluation, instances=names, objectives=names), lane=told[-1].lane)
    )
    parents = {archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(300)}
    assert (1000 in parents) != isinstance(archive, FromSeed)
