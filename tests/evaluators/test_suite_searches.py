"""A search without a model gets somewhere on every task of the suite, in this process and within 150 trials."""

from __future__ import annotations

import pytest

from evolve.archives.top import Top
from evolve.proposers.mix import Mix
from evolve.regions import Regions
from evolve.task import Task
from evolve.testing.program import FakeProgram, load_evaluator
from evolve.testing.trials import Story
from evolve.types import Program

TRIALS = dict.fromkeys(
    [
        "circle_packing_32",
        "heilbronn_triangle",
        "heilbronn_convex",
        "min_max_distance",
        "erdos_minimum_overlap",
        "second_autocorrelation",
    ],
    150,
) | {
    "bin_packing_weibull": 20,
    "transaction_scheduling": 40,
    "string_grid": 60,
    "max_cut": 40,
    "three_sat": 40,
    "parity": 60,
    "quadratic_assignment": 40,
}


@pytest.mark.parametrize("name", TRIALS)
def test_a_short_search_improves_the_seed(name: str) -> None:
    """By mutation, crossover and tuner alone, in the task's own direction."""
    task = Task.load(name)
    evaluator = load_evaluator(task.folder / task.settings.evaluator.file)
    sign = 1 if task.settings.task.direction == "maximize" else -1

    def fitness(program: Program) -> float | None:
        """The mutations of a seed are called without isolation: they can do nothing that it cannot."""
        names: dict[str, object] = {}
        try:
            exec(compile(program.text("program.py"), "program.py", "exec"), names)
            functions = {key: value for key, value in names.items() if callable(value)}
            return sign * float(evaluator.evaluate(FakeProgram(functions))["score"])
        except Exception:  # noqa: BLE001 - a mutation may raise anything
            return None

    search = Story(task.seed, Top(), Mix.default(Regions(task.seed)), fitness, seed=1)
    best = search.run(TRIALS[name]).fitness
    seed = search.trials[0].fitness
    assert best is not None
    assert seed is not None
    assert best > seed
