"""Archives side by side on simulated landscapes: what each finds for how many calls.

    python -m benchmarks.policies [--seeds 0-99] [--budgets 60,300] [--families bits,ideas] [--policies greedy,lanes]

A call is one trial, one in flight. For each family of landscapes and each budget it prints the mean of the best score,
and how often a policy is ahead of greedy on the same landscape, equal counting half. `calls` is the median of the calls
until a threshold, in the search with the largest budget: what greedy has after 100 calls in half of the seeds; a dash
when it takes more. With 100 seeds the standard error of a share near one half is 0.05.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from random import Random

import numpy as np

from benchmarks.policies.landscapes import LANDSCAPES, State
from evolve.archives.from_seed import FromSeed
from evolve.archives.grid import Grid
from evolve.archives.islands import Islands
from evolve.archives.lanes import Lanes
from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.archives.top import Top, greedy
from evolve.archives.weighted import Weighted
from evolve.types import Archive, Evaluation, Program, Selection, Status, Trial, Usage

BUDGETS = "60,100,300,1000"
AT_BUDGET = 100
"""The budget at which greedy sets the threshold."""

POLICIES: Mapping[str, Callable[[int], Archive]] = {
    "greedy": lambda _: greedy(),
    "from_seed": lambda _: FromSeed(),
    "top": lambda _: Top(),
    "puct": lambda _: Puct(),
    "weighted": lambda _: Weighted(),
    "grid": lambda _: Grid(),
    "islands": lambda _: Islands(),
    "stall": lambda _: Stall(),
    "lanes": lambda calls: Lanes(budget=calls),
    "lanes 0.75": lambda calls: Lanes(budget=calls, race=0.75),
    "lanes blind": lambda _: Lanes(),
    "lanes calm": lambda calls: Lanes(budget=calls, patience=0),
}
"""By name, what makes the archive for a budget of calls; "blind" is not told of it."""

_FAILED = Evaluation(status=Status.FAILED)


def search(make: Callable[[int], Archive], family: str, seed: int, calls: int) -> list[float]:
    """The best score after each call, that of the start first; shape (calls + 1,)."""
    landscape = LANDSCAPES[family](seed)
    archive = make(calls)
    rng, dice = np.random.default_rng(seed), Random(f"{family} {seed}")
    states = {0: landscape.start}
    best = [landscape.score(landscape.start)]
    archive.tell(_trial(0, landscape.start, best[0], (), None))
    for number in range(1, calls + 1):
        chosen = archive.sample(rng)
        parents = tuple(one.number for one in chosen.parents)
        shown = [states[one.number] for one in (*chosen.parents[1:], *chosen.inspirations)]
        state = landscape.propose(states[parents[0]], shown, chosen.operator, dice)
        score = landscape.score(state) if state is not None else None
        trial = _trial(number, state, score, parents, chosen)
        if state is not None:
            states[number] = state
        archive.tell(trial)
        best.append(max(best[-1], trial.fitness or 0.0))
    return best


def _trial(
    number: int, state: State | None, score: float | None, parents: tuple[int, ...], chosen: Selection | None
) -> Trial:
    # as text, a line for each number that is not 0, so that text has a size and lines in common
    text = "".join(f"{at} {value:.3g}\n" for at, value in enumerate(state or ()) if value)
    evaluation = Evaluation(status=Status.OK, score=score, fitness=score) if score is not None else _FAILED
    return Trial(
        number=number,
        program=Program({"program.txt": text.encode()}),
        parents=parents,
        operator=(chosen.operator or "edit") if chosen else "seed",
        summary="",
        evaluation=evaluation,
        usage=Usage(calls=1 if number else 0),
        lane=chosen.lane if chosen else "",
    )


def curves(job: tuple[str, str, int, tuple[int, ...]]) -> list[list[float]]:
    """Of a policy, a family and a seed: what `search` gives for each budget."""
    name, family, seed, budgets = job
    if not name.startswith("lanes") or name == "lanes blind":  # they do the same whatever the budget is
        longest = search(POLICIES[name], family, seed, budgets[-1])
        return [longest[: calls + 1] for calls in budgets]
    return [search(POLICIES[name], family, seed, calls) for calls in budgets]


def row(found: Sequence[list[list[float]]], greedy_found: Sequence[list[list[float]]]) -> str:
    """The figures of a policy; both are (seed, budget, call)."""
    cells = []
    for at in range(len(found[0])):
        ours = np.array([one[at][-1] for one in found])
        theirs = np.array([one[at][-1] for one in greedy_found])
        ahead = float((ours > theirs).mean() + (ours == theirs).mean() / 2)
        cells.append(f"{ours.mean():7.3f}{ahead:5.2f}")
    threshold = float(np.median([one[-1][AT_BUDGET] for one in greedy_found]))
    calls = [next((at for at, value in enumerate(one[-1]) if value >= threshold), np.inf) for one in found]
    median = float(np.median(calls))
    return "".join(cells) + (f"{median:8.0f}" if np.isfinite(median) else f"{'-':>8}")


def main() -> None:
    """Run, and print a table for each family."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies", description=__doc__)
    parser.add_argument("--seeds", default="0-99")
    parser.add_argument("--budgets", default=BUDGETS)
    parser.add_argument("--families", default=",".join(LANDSCAPES))
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    budgets = tuple(sorted(int(calls) for calls in given.budgets.split(",")))
    names = ["greedy", *(name for name in given.policies.split(",") if name != "greedy")]
    with ProcessPoolExecutor(given.processes) as pool:
        for family in given.families.split(","):
            print(f"{family:14}" + "".join(f"{f'{calls} calls':>12}" for calls in budgets) + f"{'calls':>8}")
            greedy_found: list[list[list[float]]] = []
            for name in names:
                found = list(pool.map(curves, [(name, family, seed, budgets) for seed in seeds], chunksize=2))
                greedy_found = greedy_found or found
                print(f"{name:14}{row(found, greedy_found)}", flush=True)


if __name__ == "__main__":
    main()
