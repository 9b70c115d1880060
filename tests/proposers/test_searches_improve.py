"""The parts together make programs better: a small search in this process, with the bundled evaluators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from evolve.archives.top import Top
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.testing.program import load_evaluator
from evolve.testing.trials import Story
from evolve.types import Program, Proposer


class InProcess:
    """A mutation of the seed, called without isolation: it can do nothing that the seed cannot."""

    def __init__(self, program: Program) -> None:
        self._names: dict[str, Any] = {}
        exec(compile(program.text("program.py"), "program.py", "exec"), self._names)

    def map(self, function: str, arguments: Iterable[Sequence[Any]]) -> list[Any]:
        return [self._names[function](*each) for each in arguments]


def story(task: str, proposer: type[Mutation | Tuner] | None, seed: int, sign: int = 1) -> Story:
    """A search of a bundled task with the default mix, or one proposer alone."""
    program = Program({"program.py": (bundled("seeds") / task / "program.py").read_bytes()})
    evaluator = load_evaluator(bundled("evaluators") / task / "evaluate.py")

    def score(candidate: Program) -> float | None:
        try:
            return sign * float(evaluator.evaluate(InProcess(candidate))["score"])
        except Exception:  # noqa: BLE001 - a mutation may raise anything
            return None

    regions = Regions(program)
    chosen: Proposer = Mix.default(regions) if proposer is None else proposer(regions)
    return Story(program, Top(), chosen, score, seed=seed)


def test_bin_packing_gets_better_than_best_fit_within_a_hundred_trials() -> None:
    """From 5.1 % above the bound to less than 3.9 %."""
    best = story("bin_packing", None, 1).run(100)
    assert best.fitness is not None
    assert best.fitness > -0.039


def test_tuning_alone_finds_a_rule_that_avoids_small_gaps() -> None:
    """The seed's literals are all that it takes."""
    best = story("bin_packing", Tuner, 1).run(60)
    assert best.fitness is not None
    assert best.fitness > -0.035


def test_mutation_alone_finds_terms_of_a_formula() -> None:
    """The error of two straight lines falls by a tenth and more."""
    search = story("symbolic_regression", Mutation, 1, sign=-1)
    best = search.run(600)
    assert best.fitness is not None
    assert search.trials[0].fitness is not None
    assert best.fitness > 0.9 * search.trials[0].fitness


def test_the_same_seed_gives_the_same_search() -> None:
    """Trial by trial, and another seed another one."""
    runs = [story("symbolic_regression", None, seed, sign=-1) for seed in (3, 3, 4)]
    trees = []
    for run in runs:
        run.run(80)
        trees.append([trial.program.tree for trial in run.trials])
    assert trees[0] == trees[1]
    assert trees[0] != trees[2]
