"""What programs of many files cost, and those that are built first.

Prints the median time of an evaluation that calls one function of the program, by the number of its files, and that of
the seeds of the worked examples, builds included, in each sandbox that works here and has what they need.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from evolve import forms
from evolve.errors import EvolveError
from evolve.evaluation.native import NativeEvaluator
from evolve.regions import Regions
from evolve.scoring import make_evaluator, make_sandbox
from evolve.types import Program, Sandbox, Status

FILES = (1, 100, 400, 1000)
LINES = 100  # of each file
ROUNDS = 15
EXAMPLES = ("flow_shop", "review_prompt", "tour", "matrix_product", "prime_sieve", "sort_kernel")
SANDBOXES = ("process", "bubblewrap", "docker")
MOST = 0.5  # seconds for a program of 400 files


def repository(files: int) -> Program:
    """A program of so many Python files, of which one is called."""
    text = b"# a line of thirty characters\n" * LINES
    made = {f"package/part{k % 20}/module{k}.py": text for k in range(files - 1)}
    return Program({**made, "main.py": b"def f():\n    return 1\n"})


def seconds(evaluator: NativeEvaluator, program: Program, rounds: int) -> float | None:
    """The median time of an evaluation; None when the program has no score here."""
    took: list[float] = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        if evaluator.evaluate(program).status is not Status.OK:
            return None
        took.append(time.perf_counter() - start)
    return median(took[1:])


@contextmanager
def scoring(name: str, task: str | Path) -> Iterator[NativeEvaluator]:
    """The evaluator of a task in a sandbox."""
    found = forms.load(task)
    sandbox: Sandbox = make_sandbox(found, name)
    evaluator = make_evaluator(found, sandbox)
    try:
        yield evaluator
    finally:
        evaluator.close()
        sandbox.close()


def in_each(task: str | Path, program: Program, rounds: int) -> list[float | None]:
    """The seconds in each of the sandboxes; None where it does not work, or the program has no score."""
    found: list[float | None] = []
    for name in SANDBOXES:
        try:
            with scoring(name, task) as evaluator:
                found.append(seconds(evaluator, program, rounds))
        except EvolveError:
            found.append(None)
    return found


def show(name: str, row: list[float | None]) -> None:
    """One line of the table, in milliseconds."""
    cells = ("-" if each is None else f"{1000 * each:.0f} ms" for each in row)
    print(f"{name:24}" + "".join(f"{text:>12}" for text in cells))


def main() -> int:
    """Exit code 1 when a program of 400 files takes too long."""
    slow = False
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "seed").mkdir()
        (place / "seed" / "main.py").write_text("def f():\n    return 1\n")
        (place / "task.toml").write_text("")
        (place / "evaluate.py").write_text("def evaluate(program):\n    return program.call('f')\n")
        print(f"{'':24}" + "".join(f"{name:>12}" for name in SANDBOXES))
        for files in FILES:
            row = in_each(place, repository(files), ROUNDS)
            slow = slow or (files == 400 and any(each is not None and each > MOST for each in row))
            show(f"{files} files", row)
    for task in EXAMPLES:
        show(task, in_each(task, forms.load(task).seed, 1))
    program = repository(400)
    regions = Regions(program, ["package/**/*.py"])
    outside = program.replace({"main.py": b"def f():\n    return 9\n"})
    start = time.perf_counter()
    assert regions.problem(outside) is not None
    print(f"\nTo reject an edit outside, of 400 files: {1000 * (time.perf_counter() - start):.2f} ms")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
