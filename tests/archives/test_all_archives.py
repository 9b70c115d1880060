"""What holds for every archive: replay, bounded memory, bounded work."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from weakref import WeakValueDictionary

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.from_seed import FromSeed
from evolve.archives.grid import Grid
from evolve.archives.islands import Islands
from evolve.archives.lanes import Lanes
from evolve.archives.pareto import Pareto
from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.archives.top import Top, greedy
from evolve.archives.weighted import Weighted
from evolve.testing.trials import trial
from evolve.types import Archive, Selection, Trial

Make = Callable[[], Archive]

ARCHIVES: dict[str, Make] = {
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
}
MOST = 350
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


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), flight=st.integers(1, 5), again=st.booleans())
def test_a_replay_samples_the_same(make: Make, seed: int, flight: int, *, again: bool) -> None:
    """Told the same trials in the same order, never sampled before, whatever was in flight or told again."""
    live, replayed = make(), make()
    for told in search(live, 80, seed, flight, again=again):
        replayed.tell(told)
    for number in range(10):
        assert live.sample(np.random.default_rng(number)) == replayed.sample(np.random.default_rng(number))


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_the_trials_that_it_holds_do_not_grow_in_number(make: Make) -> None:
    """Counted while they are alive, after three thousand were told."""
    archive = make()
    alive: WeakValueDictionary[int, Trial] = WeakValueDictionary()
    drawn = np.random.default_rng(0)
    chosen: Selection | None = None
    for number in range(3000):
        one = made(number, chosen, drawn)
        alive[number] = one
        archive.tell(one)
        chosen = archive.sample(drawn)
    del one, chosen
    gc.collect()
    assert 1 <= len(alive) <= MOST


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
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
