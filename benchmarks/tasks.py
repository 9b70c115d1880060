"""How long one evaluation of each bundled task's seed takes, in the evaluator alone and in the sandboxes.

python benchmarks/tasks.py [TASK ...]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from evolve.errors import SandboxUnavailable
from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.choose import NAMES, choose
from evolve.task import Task
from evolve.testing.program import FakeProgram, load_evaluator
from evolve.types import Sandbox

TASKS = (  # those that need nothing but Python
    "bin_packing",
    "bin_packing_weibull",
    "circle_packing",
    "circle_packing_32",
    "erdos_minimum_overlap",
    "heilbronn_convex",
    "heilbronn_triangle",
    "max_cut",
    "min_max_distance",
    "parity",
    "quadratic_assignment",
    "repository_bugs",
    "second_autocorrelation",
    "string_grid",
    "symbolic_regression",
    "three_sat",
    "transaction_scheduling",
)
REPEATS = 40


def milliseconds(evaluate: Callable[[], object], repeats: int = REPEATS) -> float:
    """The median wall time, after one evaluation that is not counted because it makes the instances."""
    evaluate()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        evaluate()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def in_process(task: Task) -> float:
    """The evaluator's own work and the program's, without a sandbox."""
    module = load_evaluator(task.folder / task.settings.evaluator.file)
    program = FakeProgram.load(task.folder / task.settings.task.seed)
    return milliseconds(lambda: module.evaluate(program))


def in_sandbox(task: Task, sandbox: Sandbox) -> tuple[float, float | None]:
    """One evaluation on the search split, and one on the held-out split where the task has one."""
    evaluator = NativeEvaluator(sandbox=sandbox, folder=task.folder, limits=task.limits)
    try:
        search = milliseconds(lambda: evaluator.evaluate(task.seed))
        if "held_out" not in evaluator.splits:
            return search, None
        return search, milliseconds(lambda: evaluator.evaluate(task.seed, split="held_out"), 5)
    finally:
        evaluator.close()


def main() -> int:
    """Print a row per task and sandbox."""
    tasks = [Task.load(name) for name in sys.argv[1:] or TASKS]
    print(f"{'task':22} {'sandbox':12} {'search ms':>10} {'held-out ms':>12}")
    for task in tasks:
        if "program.py" in task.seed.files:
            print(f"{task.name:22} {'none':12} {in_process(task):10.1f}")
    for name in NAMES:
        try:
            sandbox = choose(name)
        except SandboxUnavailable as unavailable:
            print(f"{name}: {unavailable}")
            continue
        try:
            for task in tasks:
                search, held_out = in_sandbox(task, sandbox)
                told = "" if held_out is None else f"{held_out:.1f}"
                print(f"{task.name:22} {name:12} {search:10.1f} {told:>12}")
        finally:
            sandbox.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
