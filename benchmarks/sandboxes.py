"""What each sandbox costs: a session, a program in it, and a whole evaluation.

    python benchmarks/sandboxes.py [REPEATS]

Medians in milliseconds. `open` and `close` are of a session; `answer` is its first one; `program` loads a trivial
program into a session that is open, calls a function of it and ends it; `with numpy` is the same for a program that
imports numpy; `call` is one more call to a function; `8 MB` one that takes and returns as much; `evaluate` is an
evaluation by the native evaluator, two sessions, one call.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from evolve.errors import SandboxUnavailable
from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.choose import NAMES, choose
from evolve.testing.sessions import Caller
from evolve.types import Limits, Program, Sandbox, Status

TRIVIAL = "def f(x):\n    return x\n"
NUMPY = "import numpy\n" + TRIVIAL
EVALUATE = "def evaluate(program):\n    return program.call('f', 1.0)\n"
COLUMNS = ("open", "answer", "close", "program", "with numpy", "call", "8 MB", "evaluate")


def clock(work: Callable[[], object]) -> float:
    """Milliseconds that the work takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def program(caller: Caller, source: str) -> None:
    """One candidate: loaded, called, ended."""
    caller.load(source)
    caller.call("f", 1)
    caller.end()


def measure(sandbox: Sandbox, repeats: int) -> dict[str, list[float]]:
    """All the figures, each `repeats` times."""
    times: dict[str, list[float]] = {column: [] for column in COLUMNS}
    for _ in range(repeats):
        start = time.perf_counter()
        session = sandbox.open("candidate", Limits())
        times["open"].append((time.perf_counter() - start) * 1000)
        caller = Caller(session)
        times["answer"].append(clock(caller.end))
        times["close"].append(clock(session.close))
    caller = Caller(sandbox.open("candidate", Limits()))
    payload = bytes(8_000_000)
    for _ in range(repeats):
        times["program"].append(clock(lambda: program(caller, TRIVIAL)))
        times["with numpy"].append(clock(lambda: program(caller, NUMPY)))
        caller.load(TRIVIAL)
        caller.call("f", 1)
        times["call"].append(clock(lambda: caller.call("f", 1)))
        times["8 MB"].append(clock(lambda: caller.call("f", payload)))
    caller.session.close()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "evaluate.py").write_text(EVALUATE, encoding="utf-8")
        evaluator = NativeEvaluator(sandbox=sandbox, folder=Path(folder))
        for number in range(repeats + 1):
            candidate = Program({"program.py": f"{TRIVIAL}# {number}\n".encode()})

            def evaluate(candidate: Program = candidate) -> None:
                evaluation = evaluator.evaluate(candidate)
                assert evaluation.status is Status.OK, evaluation.feedback

            times["evaluate"].append(clock(evaluate))
        del times["evaluate"][0]  # the first one opened the sessions
        evaluator.close()
    return times


def main() -> None:
    """Measure every sandbox that works here."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{'ms, medians of ' + str(repeats):<18}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name in reversed(NAMES):
        try:
            sandbox = choose(name)
        except SandboxUnavailable as error:
            print(f"{name:<18}does not work here: {error}")
            continue
        try:
            times = measure(sandbox, repeats)
        finally:
            sandbox.close()
        print(f"{name:<18}" + "".join(f"{median(times[column]):12.2f}" for column in COLUMNS))


if __name__ == "__main__":
    main()
