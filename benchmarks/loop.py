"""How many trials a second the loop does when evaluating costs nothing, with a free proposer and with the real ones.

python benchmarks/loop.py [TRIALS]
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path

from evolve.proposing import PROPOSERS
from evolve.regions import Regions
from evolve.task import Task
from evolve.testing.fakes import FunctionEvaluator, NumberProposer, number_program
from evolve.testing.searches import open_evolution
from evolve.types import Program, Proposer


def score(program: Program) -> float:
    """A number that depends on every byte and costs nothing; new bests become rare, as they do in a search."""
    return int(hashlib.sha256(program.tree.encode()).hexdigest()[:8], 16) / 2**32


def measure(name: str, seed: Program, proposer: Proposer, trials: int, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"seed_program": seed, "proposer": proposer, "evaluator": FunctionEvaluator(score)}
        begun, cpu = time.perf_counter(), time.process_time()
        with open_evolution(Path(folder) / "run", trials=trials, workers=workers, in_flight=workers, **settings) as e:
            e.run()
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        print(f"{name:<10} {workers:>7} {trials / wall:>10.0f} {1e3 * cpu / trials:>13.2f}")


def main(trials: int) -> None:
    print("proposer   workers   trials/s  CPU ms/trial")
    for workers in (1, 2):
        measure("free", number_program(0.0), NumberProposer(), trials, workers)
        seed = Task.load("bin_packing").seed
        for name in ("mutation", "mix"):
            measure(name, seed, PROPOSERS[name](Regions(seed)), trials, workers)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
