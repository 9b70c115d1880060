"""What one evaluation costs: milliseconds, medians, side by side for every sandbox that works here.

    python benchmarks/evaluation.py [SANDBOX ...]

trivial    a fresh candidate, one call that returns a number, everything of it gone again
numpy      the same with a candidate that imports numpy
call       one more call within an evaluation
map        10,000 calls of one float each, in one message
array      an array of 8 MB there and back
two        trivial candidates per second with two threads
python     a plain `python -I -c 0`, for comparison
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evolve.errors import SandboxUnavailable
from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.types import Limits, Program, Sandbox, Status

EVALUATE = """
import statistics, time

def timed(work, times):
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)

def evaluate(program):
    program.call("f", 1.0)
    if program.read("program.py").startswith("# short"):
        return 1
    import numpy
    array = numpy.zeros(10**6)
    program.call("f", array)
    return {
        "score": 1,
        "call": timed(lambda: program.call("f", 1.0), 300),
        "map": timed(lambda: program.map("f", [(float(number),) for number in range(10_000)]), 20),
        "array": timed(lambda: program.call("f", array), 10),
    }
"""
TRIVIAL = Program({"program.py": b"# short\ndef f(x): return x\n"})
NUMPY = Program({"program.py": b"# short\nimport numpy\ndef f(x): return x\n"})
LONG = Program({"program.py": b"def f(x): return x\n"})
SANDBOXES: dict[str, Callable[[], Sandbox]] = {
    "process": ProcessSandbox,
    "bubblewrap": BubblewrapSandbox,
    "docker": DockerSandbox,
}
COLUMNS = ("trivial", "numpy", "call", "map", "array", "two")


def median(work: Callable[[], object], times: int) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def measure(sandbox: Sandbox, folder: Path) -> dict[str, float]:
    """The figures of one sandbox."""
    evaluator = NativeEvaluator(sandbox=sandbox, folder=folder, limits=Limits(memory_bytes=2**30))

    def score(program: Program) -> None:
        evaluation = evaluator.evaluate(program)
        assert evaluation.status is Status.OK, evaluation.feedback

    try:
        score(TRIVIAL)
        found = {"trivial": median(lambda: score(TRIVIAL), 40), "numpy": median(lambda: score(NUMPY), 10)}
        inside = evaluator.evaluate(LONG)
        assert inside.status is Status.OK, inside.feedback
        found |= {name: float(str(inside.metrics[name])) for name in ("call", "map", "array")}
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(score, [TRIVIAL] * 4))
            start = time.perf_counter()
            list(pool.map(score, [TRIVIAL] * 100))
            found["two"] = 100 / (time.perf_counter() - start)
    finally:
        evaluator.close()
        sandbox.close()
    return found


def main() -> None:
    """Print the table."""
    command = [sys.executable, "-I", "-c", "0"]
    print(f"python {median(lambda: subprocess.run(command, check=True), 20):.1f} ms\n")
    print(f"{'sandbox':12}" + "".join(f"{name:>10}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "evaluate.py").write_text(EVALUATE)
        for name in sys.argv[1:] or SANDBOXES:
            try:
                found = measure(SANDBOXES[name](), Path(folder))
            except SandboxUnavailable as error:
                print(f"{name:12}does not work here: {error}")
                continue
            print(f"{name:12}" + "".join(f"{found[column]:10.2f}" for column in COLUMNS))


if __name__ == "__main__":
    main()
