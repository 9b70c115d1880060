"""Does racing find the better of two programs, at what price, and does luck stay on top of a search?

Usage: `python benchmarks/racing.py [PAIRS]` (by default 1000 simulated pairs for each row; some five minutes)

Two programs are apart by so many standard deviations of one evaluation (`gap`), and either may be the challenger. The
race is the one of a task with `repeats_most = 30`: both start from nothing, and every evaluation of both counts.
Against it stand fixed repeats of both: the fewest that get at most 5 % wrong when they are made for this gap (`known`),
the fewest that do so for every gap from 0.5 on (`any`), and as many as the race may take at most (`most`). The first is
what somebody would choose who knows beforehand how far the programs are apart.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import numpy as np

from evolve.evaluation.repeats import Race, Repeats
from evolve.testing.fakes import Noise, NoisyEvaluator, number_program, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Trial

MOST = 30
GAPS = (0.5, 1.0, 2.0, 4.0)
PAIRS = 1000
SEARCHES = 30


def lognormal(generator: np.random.Generator) -> float:
    """Skewed, of mean 0 and standard deviation 1."""
    return float((generator.lognormal() - math.exp(0.5)) / math.sqrt((math.e - 1.0) * math.e))


LAWS: dict[str, Noise] = {
    "normal": lambda generator: float(generator.normal()),
    "laplace": lambda generator: float(generator.laplace() / math.sqrt(2.0)),
    "student t3": lambda generator: float(generator.standard_t(3) / math.sqrt(3.0)),
    "lognormal": lognormal,
}


def coins(gap: float) -> tuple[float, float]:
    """The chances of two coins, as far from 1/2 as each other, that are so many standard deviations of a toss apart."""
    away = gap / 2.0 / math.sqrt(4.0 + gap * gap)
    return 0.5 - away, 0.5 + away


def race(worse: Callable[[], float], better: Callable[[], float], *, challenger: bool) -> tuple[bool, int]:
    """Whether the worse one was taken for the better, and how many evaluations that took."""
    programs = {number_program(0.0).tree: worse, number_program(1.0).tree: better}

    evaluator = NoisyEvaluator(lambda program: programs[program.tree](), lambda _: 0.0)
    repeats = Repeats(evaluator, race=Race(most=MOST))
    first, second = (0.0, 1.0) if challenger else (1.0, 0.0)
    for number, value in enumerate((first, second)):
        program = number_program(value)
        told: Trial = Trial(
            number=number,
            program=program,
            parents=(0,) * bool(number),
            operator="",
            summary="",
            evaluation=repeats.evaluate(program),
        )
        repeats.tell(told)
    return told.evaluation.won is not challenger, evaluator.evaluated


def fixed_error(draw: Callable[[int], tuple[np.ndarray, np.ndarray]], repeats: int) -> float:
    """How often the mean of so many repeats of the worse one is the higher; half of the ties."""
    worse, better = (scores.mean(axis=1) for scores in draw(repeats))
    return float(np.mean(worse > better) + 0.5 * np.mean(worse == better))


def smallest(draw: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> int:
    """The fewest repeats of each program with at most 5 % errors."""
    return next(repeats for repeats in range(1, 200) if fixed_error(draw, repeats) <= 0.05)


def pairs(law: str, gap: float, number: int) -> None:
    """One row of the table."""
    rng = np.random.default_rng((len(law), round(8 * gap), 1))
    wrong, spent = [], []
    low, high = coins(gap)
    for pair in range(number):
        if law == "coin":
            worse, better = (lambda p=p: float(rng.random() < p) for p in (low, high))
        else:
            worse, better = (lambda shift=shift: shift + LAWS[law](rng) for shift in (0.0, gap))
        mistaken, took = race(worse, better, challenger=pair % 2 == 0)
        wrong.append(mistaken)
        spent.append(took)
    known = smallest(lambda repeats: sample(law, gap, repeats))
    every = smallest(lambda repeats: sample(law, GAPS[0], repeats))
    print(
        f"{law:11} {gap:4.1f} {100 * mean(wrong):7.1f} {mean(spent):8.1f}"
        f" {2 * known:6} {2 * every:6} {50 * mean(spent) / every:6.0f} {2 * MOST:6} {50 * mean(spent) / MOST:6.0f}"
    )


def sample(law: str, gap: float, repeats: int, number: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the worse and the better program, shape (number, repeats)."""
    rng = np.random.default_rng((len(law), round(8 * gap), 2, repeats))
    size = (number, repeats)
    if law == "coin":
        low, high = coins(gap)
        return (rng.random(size) < low).astype(float), (rng.random(size) < high).astype(float)
    draws = {
        "normal": lambda: rng.normal(size=size),
        "laplace": lambda: rng.laplace(size=size) / math.sqrt(2.0),
        "student t3": lambda: rng.standard_t(3, size=size) / math.sqrt(3.0),
        "lognormal": lambda: (rng.lognormal(size=size) - math.exp(0.5)) / math.sqrt((math.e - 1.0) * math.e),
    }
    return draws[law](), gap + draws[law]()


def searches() -> None:
    """The same budget of evaluations, spent in several ways: how good the program is that is reported as best."""
    budget = 2000
    ways: dict[str, Callable[[NoisyEvaluator], Repeats]] = {
        "1 evaluation": Repeats,
        "5 fixed repeats": lambda evaluator: Repeats(evaluator, repeats=5),
        "20 fixed repeats": lambda evaluator: Repeats(evaluator, repeats=20),
        "race, 3 to 30": lambda evaluator: Repeats(evaluator, race=Race(most=30)),
        "race, 3 to 10": lambda evaluator: Repeats(evaluator, race=Race(most=10)),
    }
    print(
        f"\nSearches of {budget} evaluations, noise of standard deviation 0.5; means of {SEARCHES}, best possible 0\n"
    )
    print(f"{'':18} {'trials':>7} {'reported':>9} {'true':>8} {'luck':>7}")
    for name, way in ways.items():
        reported, true, trials = [], [], []
        for seed in range(SEARCHES):
            evaluator = NoisyEvaluator(number_score, lambda generator: 0.5 * float(generator.normal()))
            repeats = way(evaluator)
            reservation = {"trials": 1, "evaluations": repeats.most}
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "run"
                with open_evolution(path, evaluator=repeats, reservation=reservation, seed=seed) as evolution:
                    evolution.budget.limits = {"evaluations": budget}
                    best = evolution.run().best
                    trials.append(evolution.learners.told)
            reported.append(best.fitness or 0.0)
            true.append(number_score(best.program))
        luck = mean(reported) - mean(true)
        print(f"{name:18} {mean(trials):7.0f} {mean(reported):9.3f} {mean(true):8.3f} {luck:7.3f}")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    print(f"The better of two programs; {number} pairs a row; repeats from 3 to {MOST}, confidence 0.95\n")
    print(f"{'':11} {'':4} {'race':>16} {'fixed repeats, evaluations, and the race in % of them':>38}")
    print(f"{'noise':11} {'gap':>4} {'wrong %':>7} {'evals':>8} {'known':>6} {'any':>6} {'%':>6} {'most':>6} {'%':>6}")
    for law in (*LAWS, "coin"):
        for gap in GAPS:
            pairs(law, gap, number)
    searches()
