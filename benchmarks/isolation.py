"""What isolation costs: a trivial candidate, in a session that is kept and in a fresh one. It imports numpy and scipy,
where there are any.

    python benchmarks/isolation.py [SANDBOX ...]

kept     milliseconds for one evaluation, median, in a session that serves many
least    the same, the quickest: nearer to what it is on a machine that does nothing else
fresh    milliseconds for a session that is opened for one candidate, imports what it does and is closed; median
ratio    fresh / kept
strict   milliseconds for one candidate in strict mode, one after another: a session for each, opened ahead
rate     candidates per second with two threads
load     of the machine, before this sandbox was measured: 1-minute average of runnable processes, our own included
"""

from __future__ import annotations

import os
import statistics
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
from evolve.testing.sessions import Caller
from evolve.types import Limits, Program, Sandbox, Status

EVALUATE = "def evaluate(program):\n    return program.call('f', 1.0)\n"
SOURCE = """
import numpy
try:
    import scipy.optimize
except ImportError:  # only docker's image is sure to have it
    pass
def f(x): return x
"""
PROGRAM = Program({"program.py": SOURCE.encode()})
SANDBOXES: dict[str, Callable[[], Sandbox]] = {
    "docker": DockerSandbox,
    "bubblewrap": BubblewrapSandbox,
    "process": ProcessSandbox,
}
COLUMNS = ("kept", "least", "fresh", "ratio", "strict", "rate", "load")
KEPT, FRESH, STRICT, MANY = 200, 10, 10, 400


def taken(work: Callable[[], object], times: int) -> list[float]:
    """Milliseconds, sorted."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append((time.perf_counter() - start) * 1000)
    return sorted(found)


def measure(sandbox: Sandbox, folder: Path) -> dict[str, float]:
    """The figures of one sandbox."""
    found = {"load": os.getloadavg()[0]}
    kept = NativeEvaluator(sandbox=sandbox, folder=folder)
    strict = NativeEvaluator(sandbox=sandbox, folder=folder, strict=True)

    def score(evaluator: NativeEvaluator) -> None:
        evaluation = evaluator.evaluate(PROGRAM)
        assert evaluation.status is Status.OK, evaluation.feedback

    def fresh() -> None:
        session = sandbox.open("candidate", Limits())
        caller = Caller(session, SOURCE)
        caller.call("f", 1.0)
        caller.end()
        session.close()

    try:
        taken(lambda: score(kept), 4)
        times = taken(lambda: score(kept), KEPT)
        found |= {"kept": statistics.median(times), "least": times[0], "fresh": statistics.median(taken(fresh, FRESH))}
        found["ratio"] = found["fresh"] / found["kept"]
        taken(lambda: score(strict), 2)
        found["strict"] = statistics.mean(taken(lambda: score(strict), STRICT))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(score, [kept] * 8))
            start = time.perf_counter()
            list(pool.map(score, [kept] * MANY))
            found["rate"] = MANY / (time.perf_counter() - start)
    finally:
        kept.close()
        strict.close()
        sandbox.close()
    return found


def main() -> None:
    """Print the table."""
    print(f"{'sandbox':12}" + "".join(f"{name:>9}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "evaluate.py").write_text(EVALUATE)
        for name in sys.argv[1:] or SANDBOXES:
            try:
                found = measure(SANDBOXES[name](), Path(folder))
            except SandboxUnavailable as error:
                print(f"{name:12}does not work here: {error}")
                continue
            print(f"{name:12}" + "".join(f"{found[column]:9.1f}" for column in COLUMNS), flush=True)


if __name__ == "__main__":
    main()
