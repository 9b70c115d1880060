"""How fast the tuner makes a program better: points of CMA-ES alone, and points that move few literals.

    python benchmarks/tuning.py [TASK ...]

Median over seeds of the best score after so many evaluations, one at a time, from each task's seed program.
"""

from __future__ import annotations

import sys
from contextlib import closing

import numpy as np

from evolve.fingerprint import fingerprint
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.scoring import make_sandbox, make_scorer
from evolve.task import Task
from evolve.testing.trials import ask, selection, told, trial
from evolve.types import Evaluator, Program

TASKS = ("circle_packing", "bin_packing", "heilbronn_triangle", "symbolic_regression")
MARKS = (24, 48, 100, 200)
SEEDS = 5
SHARES = (0.0, 0.5, 1.0)


def climb(
    evaluator: Evaluator, known: dict[bytes, float | None], program: Program, few: float, seed: int
) -> list[float]:
    """The best fitness after each of `MARKS` proposals."""

    def score(candidate: Program) -> float | None:
        identity = fingerprint(candidate)
        if identity not in known:
            known[identity] = evaluator.evaluate(candidate).fitness
        return known[identity]

    tuner = Tuner(Regions(program), few=few, elsewhere=False)
    first = score(program)
    assert first is not None
    best, fitness = trial(0, program, first), first
    tuner.tell(best)
    found: list[float] = []
    for number in range(1, MARKS[-1] + 1):
        proposal = tuner.plan(selection(best), ask(number, seed))()
        if not proposal.rejected:
            made = told(number, proposal, score(proposal.program))
            tuner.tell(made)
            if made.fitness is not None and made.fitness > fitness:
                best, fitness = made, made.fitness
        found.append(fitness)
    return [found[mark - 1] for mark in MARKS]


def main(*tasks: str) -> None:
    """Print a line for each task and share."""
    print(f"{'task':<22}{'few':>5}{'seed':>12}" + "".join(f"{mark:>12}" for mark in MARKS))
    for name in tasks or TASKS:
        task = Task.load(name)
        with closing(make_sandbox(task, "auto")) as sandbox, closing(make_scorer(task, sandbox)) as evaluator:
            known: dict[bytes, float | None] = {}
            start = evaluator.evaluate(task.seed).fitness
            for few in SHARES:
                rows = [climb(evaluator, known, task.seed, few, seed) for seed in range(SEEDS)]
                median = np.median(np.array(rows), axis=0)
                print(f"{name:<22}{few:>5}{start:>12.5f}" + "".join(f"{value:>12.5f}" for value in median), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
