"""What archives cost as a run grows: processor microseconds per tell and per sample, trials held, and memory.

    python benchmarks/archives.py [TRIALS]

Each is told TRIALS (by default 100,000) trials that improve ever more slowly, each made from the parent that it
sampled, a quarter of them failed; the programs have 2 kB. `at 1,000` and `at the end` are means over the 500 trials
before. `held` counts the trials that are still alive, and `MB` is what Python has allocated for the archive and all
that it holds after 5,000 trials.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

import numpy as np

from evolve.archives.from_seed import FromSeed
from evolve.archives.grid import Grid
from evolve.archives.islands import Islands
from evolve.archives.lanes import Lanes
from evolve.archives.pareto import Pareto
from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.archives.top import Top
from evolve.archives.weighted import Weighted
from evolve.types import Archive, Evaluation, Program, Status, Trial, Usage

ARCHIVES: Mapping[str, Callable[[], Archive]] = {
    "from_seed": FromSeed,
    "top": Top,
    "puct": Puct,
    "weighted": Weighted,
    "grid": Grid,
    "islands": Islands,
    "pareto": Pareto,
    "stall": Stall,
    "lanes": lambda: Lanes(budget=100_000),
}
WINDOW = 500


def search(make: Callable[[], Archive], trials: int, *, traced: bool) -> tuple[list[tuple[float, float]], int, float]:
    """Microseconds of (tell, sample) at 1,000 and at the end, trials held, and megabytes where they are traced."""
    rng = np.random.default_rng(0)
    if traced:
        gc.collect()
        tracemalloc.start()
    archive, alive = make(), WeakValueDictionary[int, Trial]()
    spent, figures = [0.0, 0.0], []
    parents: tuple[int, ...] = ()
    fitness, lane = 0.0, ""
    for number in range(trials):
        made = _trial(number, parents, fitness, lane, rng)
        alive[number] = made
        begun = time.process_time()
        archive.tell(made)
        told = time.process_time()
        chosen = archive.sample(rng)
        sampled = time.process_time()
        spent = [spent[0] + told - begun, spent[1] + sampled - told]
        parents, lane = tuple(one.number for one in chosen.parents), chosen.lane
        fitness = chosen.parents[0].fitness or 0.0
        if number + 1 in {1000, trials}:
            figures.append((spent[0] / WINDOW * 1e6, spent[1] / WINDOW * 1e6))
        if (number + 1) % WINDOW == 0:
            spent = [0.0, 0.0]
    del made, chosen
    gc.collect()
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6 if traced else 0.0
    tracemalloc.stop()
    return figures, len(alive), megabytes


def _trial(number: int, parents: tuple[int, ...], fitness: float, lane: str, rng: np.random.Generator) -> Trial:
    score = fitness + float(rng.normal()) / (1 + number / 100)
    instances = dict(zip("abcdefghijklmnopqrst", (score + rng.normal(size=20)).tolist(), strict=True))
    return Trial(
        number=number,
        program=Program({"program.py": (f"x = {number}\n" * 180 + f"y = {number % 97}\n" * (number % 13)).encode()}),
        parents=parents,
        operator="leap" if number % 10 == 9 else "edit",
        summary="",
        evaluation=Evaluation(status=Status.OK, score=score, fitness=score, instances=instances)
        if number % 4 != 3
        else Evaluation(status=Status.FAILED),
        usage=Usage(calls=1),
        lane=lane,
    )


def main(trials: int) -> int:
    """Print a table; fails when a cost grows, in time to more than 1.5 times that at 1,000 and 50 microseconds more."""
    grew = False
    print(
        f"{'':12}{'tell at 1,000':>15}{'at the end':>12}{'sample at 1,000':>17}{'at the end':>12}{'held':>7}{'MB':>7}"
    )
    for name, make in ARCHIVES.items():
        (early, late), held, _ = search(make, trials, traced=False)
        _, _, megabytes = search(make, min(trials, 5_000), traced=True)
        grew |= any(after > 1.5 * before + 50.0 for before, after in zip(early, late, strict=True))
        print(
            f"{name:12}{early[0]:15.1f}{late[0]:12.1f}{early[1]:17.1f}{late[1]:12.1f}{held:7}{megabytes:7.2f}",
            flush=True,
        )
    return int(grew)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
