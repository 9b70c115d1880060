"""A long run, when evaluating and proposing cost nothing: time per trial, memory, and how long resume takes.

    python -m benchmarks.long [TRIALS [KIND]]

`plain` is what runs by default without models; `tuned` is what runs by default with them: lanes, of which each new
structure is tuned. TRIALS, by default 100,000, counts evaluations, the tuner's among them. Each kind runs in a process
of its own, so that its memory is its own. Asked for are, at 100,000: at most 1.5 times the time per trial at 1,000, 600
MB and 20 s. The time is processor time, with git's, the mean over a tenth of the trials before a point. Other work on
the machine slows a processor down all the same, so it is said what a fixed piece of work took at the end, too.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.recording import WINDOW, Curve, Idle
from evolve.archives.lanes import Lanes
from evolve.archives.tuned import Tuned
from evolve.proposers.tuner import Tuner
from evolve.proposers.woven import Woven
from evolve.regions import Regions
from evolve.testing.fakes import FunctionEvaluator, number_program
from evolve.testing.searches import open_evolution
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial

KINDS = ("plain", "tuned")
_DIGITS = 12
"""Of a structure, so many names; each is one of ten."""


class Structures:
    """Proposes programs of structures of their own, which cost nothing to make: other names in a sum of terms."""

    def plan(self, selection: Selection, context: Context) -> Plan:
        """A structure that is as good as new."""
        parent = selection.parents[0]
        digits = hashlib.sha256(str(context.number).encode()).digest()[:_DIGITS]
        program = parent.program.replace({"program.py": structure(digits)})
        proposal = Proposal(program=program, parents=(parent.number,), operator="edit", summary="other names")
        return lambda: proposal

    def tell(self, trial: Trial) -> None:
        """Nothing to learn."""


def structure(digits: bytes) -> bytes:
    """A program with two lines per digit."""
    lines = (f"a{digit % 10} = {1 + digit / 256:.3f}\nb = a{digit % 10} * 0.5 + b\n" for digit in digits)
    return b"b = 0.25\n" + "".join(lines).encode()


def score(program: Program) -> float:
    """A number that depends on every byte; new bests become rare, as they do in a search."""
    return int(hashlib.sha256(program.tree.encode()).hexdigest()[:8], 16) / 2**32


def settings(kind: str, trials: int) -> dict[str, Any]:
    """Of a search of that kind."""
    if kind == "plain":
        return {"proposer": Idle(), "seed_program": number_program(0.0)}
    seed = Program({"program.py": structure(bytes(_DIGITS))})
    tuned = Tuned(Lanes(budget=trials // 25, unit="trials"))
    tuner = Tuner(Regions(seed), patience=5, elsewhere=False, sessions=32)
    return {
        "proposer": Woven(Structures(), tuner),
        "seed_program": seed,
        "archive": tuned,
        "tuning": tuned,
        "evaluator": FunctionEvaluator(score),
    }


def megabytes() -> float:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind: str, trials: int) -> None:
    """Print the three figures."""
    curve = Curve(sorted({1_000, *(trials * at // 4 for at in range(1, 5))}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        limits = {"evaluations": trials + 1}
        with open_evolution(path, trials=trials, limits=limits, on_trial=curve, **settings(kind, trials)) as evolution:
            evolution.run()
        search = megabytes()
        for point, milliseconds in curve.rows():
            print(f"{kind:<6} {point:>7}: {milliseconds:.2f} ms of processors a trial")
        times = dict(curve.rows())
        if 1_000 in times and trials in times:
            ratio = times[trials] / times[1_000]
            slower = curve.slowness(trials)
            print(f"{kind:<6} at the end {ratio:.2f} times what it was at 1,000; other work {slower:.2f} times")
        print(f"{kind:<6} {search:.0f} MB at most", flush=True)
        command = [sys.executable, "-m", "benchmarks.long", str(trials), kind, str(path)]
        subprocess.run(command, check=True)


def resume(kind: str, trials: int, path: Path) -> None:
    """Print how long it takes in a fresh process until a search could go on."""
    begun, cpu = time.monotonic(), time.process_time()
    with open_evolution(path, **settings(kind, trials)):
        wall, cpu = time.monotonic() - begun, time.process_time() - cpu
    print(f"{kind:<6} resume: {wall:.1f} s, {cpu:.1f} s of a processor, {megabytes():.0f} MB at most")


def main(trials: int = 100_000, kind: str = "", path: str = "") -> None:
    """All kinds, or one; with a path, resume the run there."""
    if trials < 2 * WINDOW:
        raise SystemExit(f"at least {2 * WINDOW} trials, so that there is something to compare")
    if path:
        resume(kind, trials, Path(path))
    elif kind:
        measure(kind, trials)
    else:
        for one in KINDS:
            subprocess.run([sys.executable, "-m", "benchmarks.long", str(trials), one], check=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 100_000, *given[1:])
