"""What a proposal costs, for a program of 100 lines, and how far the default mix gets in a search in this process.

python benchmarks/proposers.py [TRIALS]     with TRIALS, searches of the bin packing task follow, seeds 1 to 5
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from evolve.archives.top import Top
from evolve.fingerprint import fingerprint, structure
from evolve.proposers.crossover import Crossover
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.task import Task
from evolve.testing.program import load_evaluator
from evolve.testing.trials import Story, ask, selection, told, trial
from evolve.types import Program, Trial

REPEATS = 300

TEXT = '''\
import math
import random

CAPACITY = 150
WEIGHTS = [1.0, 0.5, 0.25]


def clamp(value, low, high):
    return max(low, min(high, value))


# EVOLVE-BLOCK-START
def priority(item, remaining):
    """How much an item wants a bin with this much room."""
    gap = remaining - item
    if gap < 3:
        return 100.0 - gap
    if gap > 20 and item > 35:
        return -0.5 * gap + math.sqrt(item)
    bonus = 0.0
    for index, weight in enumerate(WEIGHTS):
        bonus += weight * (gap % (index + 2))
    return -gap - bonus if gap < 12 else -2.5 * gap


def distance(a, b):
    dx = a[0] - b[0]
    dy = a[1] - b[1]
    return math.sqrt(dx * dx + dy * dy)


def tour_length(points, order):
    total = 0.0
    for i in range(len(order)):
        total += distance(points[order[i]], points[order[(i + 1) % len(order)]])
    return total


def improve(points, order, rounds=10):
    best = list(order)
    best_length = tour_length(points, best)
    for _ in range(rounds):
        improved = False
        for i in range(1, len(best) - 1):
            for j in range(i + 1, len(best)):
                candidate = best[:i] + best[i:j][::-1] + best[j:]
                length = tour_length(points, candidate)
                if length < best_length - 1e-9:
                    best, best_length = candidate, length
                    improved = True
        if not improved:
            break
    return best, best_length


def anneal(points, order, temperature=10.0, cooling=0.995, steps=2000, seed=1):
    generator = random.Random(seed)
    current = list(order)
    length = tour_length(points, current)
    best, best_length = current, length
    for step in range(steps):
        i = generator.randrange(len(current))
        j = generator.randrange(len(current))
        if i > j:
            i, j = j, i
        candidate = current[:i] + current[i:j][::-1] + current[j:]
        delta = tour_length(points, candidate) - length
        if delta < 0 or generator.random() < math.exp(-delta / temperature):
            current = candidate
            length += delta
            if length < best_length:
                best, best_length = current, length
        temperature *= cooling
        if step % 500 == 499 and temperature < 0.01:
            temperature = 1.0
    return best, best_length


def score(points, order):
    weights = [0.6, 0.3, 0.1]
    lengths = sorted(distance(points[a], points[b]) for a, b in zip(order, order[1:]))
    total = sum(lengths)
    longest = lengths[-1] if lengths else 0.0
    median = lengths[len(lengths) // 2] if lengths else 0.0
    spread = clamp(longest - median, 0.0, 50.0)
    value = weights[0] * total + weights[1] * longest + weights[2] * spread
    if value > 1000 and not spread < 1.5:
        value = 1000 + (value - 1000) / 10
    return -value


# EVOLVE-BLOCK-END


def main():
    points = [(random.random(), random.random()) for _ in range(20)]
    print(score(points, list(range(20))))
'''


def milliseconds(work: Callable[[int], object]) -> float:
    """The median CPU time of a call; it gets the number of the repeat."""
    spent = []
    for number in range(REPEATS):
        begun = time.process_time()
        work(number)
        spent.append(time.process_time() - begun)
    return 1e3 * median(spent)


def costs() -> bool:
    """Print what each part takes; whether all keep to their figures."""
    program = Program({"program.py": TEXT.encode()})
    regions = Regions(program)
    parent = trial(0, program)
    makers: dict[str, Callable[[], Mutation | Crossover | Tuner]] = {
        "mutation": lambda: Mutation(regions),
        "crossover": lambda: Crossover(regions),
        "tuner": lambda: Tuner(regions),
    }
    others = [trial(1, program)]
    for number in range(1, 20):
        others.append(told(number, Mutation(regions).plan(selection(others[-1]), ask(number))(), 0.0))
    chosen = selection(parent, *others[-2:])
    changed = others[-1].program
    rows: list[tuple[str, float, float]] = [
        ("regions, check", milliseconds(lambda _: regions.problem(changed)), 0.1),
        ("fingerprint", milliseconds(lambda _: fingerprint(program)), 1.5),
        ("structure", milliseconds(lambda _: structure(program)), 1.5),
    ]
    for name, make in makers.items():
        limit = 3.0 if name == "mutation" else float("inf")
        fresh = milliseconds(lambda number, make=make: make().plan(chosen, ask(number))())  # type: ignore[misc]
        kept = make()
        rows.append((f"{name}, of a new parent", fresh, limit))
        again = milliseconds(lambda number, kept=kept: kept.plan(chosen, ask(number))())  # type: ignore[misc]
        rows.append((f"{name}, of the same parent again", again, limit))
    tuner = Tuner(regions)
    proposals = [told(number, tuner.plan(chosen, ask(number))(), float(number % 7)) for number in range(1, REPEATS + 1)]
    rows.append(("tuner, told of a trial", milliseconds(lambda number: tuner.tell(proposals[number])), float("inf")))
    print(f"{len(TEXT.splitlines())} lines, median CPU of {REPEATS}       ms")
    for name, spent, limit in rows:
        print(f"{name:<34} {spent:>8.3f}{f'   must be at most {limit}' if spent > limit else ''}")
    return all(spent <= limit for _, spent, limit in rows)


class InProcess:
    """The candidate as an evaluator sees it, called without any isolation: this project's own mutations are trusted."""

    def __init__(self, program: Program) -> None:
        self._names: dict[str, Any] = {}
        exec(compile(program.text("program.py"), "program.py", "exec"), self._names)

    def map(self, function: str, arguments: Iterable[Sequence[Any]]) -> list[Any]:
        """The results of many calls, in order."""
        return [self._names[function](*each) for each in arguments]


def searches(trials: int) -> None:
    """Search the bin packing task, and print the mean excess in per cent."""
    evaluator = load_evaluator(bundled("evaluators") / "bin_packing" / "evaluate.py")
    seed_program = Task.load("bin_packing").seed

    def score(program: Program, split: str = "search") -> float | None:
        try:
            return float(evaluator.evaluate(InProcess(program), split)["score"])
        except Exception:  # noqa: BLE001 - a mutation may raise anything
            return None

    print("\nseed   search %   held-out %   of trial   CPU s")
    held_out = []
    for seed in range(1, 6):
        begun = time.process_time()
        story = Story(seed_program, Top(), Mix.default(Regions(seed_program)), score, seed=seed)
        best: Trial = story.run(trials)
        spent = time.process_time() - begun
        held_out.append(-100.0 * (score(best.program, "held_out") or float("nan")))
        found = -100.0 * (best.fitness or float("nan"))
        print(f"{seed:>4} {found:>10.3f} {held_out[-1]:>12.3f} {best.number:>10} {spent:>7.1f}")
    print(f"median held-out excess {median(held_out):.3f} %")


if __name__ == "__main__":
    kept = costs()
    if len(sys.argv) > 1:
        searches(int(sys.argv[1]))
    sys.exit(not kept)
