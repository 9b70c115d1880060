"""What recording a trial costs: journal with one sync, commit, ledger, packing; CPU of this process and of git.

    python benchmarks/recording.py [TRIALS]

prints CPU milliseconds a trial at points of the curve, then the size of the run and how long a clone takes.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from evolve.testing.searches import open_evolution
from evolve.types import Context, Plan, Proposal, Selection, Trial

WINDOW = 500
"""Trials over which a point of the curve is measured, at least; else a tenth of those before it, so that it has its
share of what comes now and then: git puts its packs together after every few thousand."""


def cpu() -> float:
    """CPU seconds of this process and of its children, those still running included."""
    own = time.process_time()
    children = Path("/proc/self/task").glob("*/children")
    running = sum(_ticks(pid) for file in children for pid in file.read_text().split())
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own + running + ended.ru_utime + ended.ru_stime


def _ticks(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Curve:
    """Hears each trial and notes the CPU time of windows, and ten times in each how fast the machine is just then."""

    def __init__(self, points: list[int]) -> None:
        self.points = points
        self.marks: dict[int, float] = {}
        self.paces: dict[int, list[float]] = {point: [] for point in points}
        self.wanted = {n for point in points for n in (point - _window(point), point)}
        self._asked = {point - _window(point) * at // 10: point for point in points for at in range(10)}
        self._beside = 0.0

    def __call__(self, trial: Trial) -> None:
        if (point := self._asked.get(trial.number)) is not None:
            self.paces[point].append(pace())
            self._beside += self.paces[point][-1]
        if trial.number in self.wanted:
            self.marks[trial.number] = cpu() - self._beside

    def rows(self) -> list[tuple[int, float]]:
        """CPU milliseconds a trial at each point."""
        return [
            (point, 1e3 * (self.marks[point] - self.marks[point - _window(point)]) / _window(point))
            for point in self.points
            if point in self.marks
        ]

    def slowness(self, point: int) -> float:
        """How long the same work took in that window, times what it took in the first one."""
        return median(self.paces[point]) / median(self.paces[self.points[0]])


def pace() -> float:
    """CPU seconds of a fixed piece of work, some ten milliseconds: a virtual processor is not always as fast."""
    begun = time.process_time()
    known: dict[bytes, int] = {}
    for number in range(10_000):
        known[hashlib.sha256(b"%d" % number).digest()] = number
    return time.process_time() - begun


def _window(point: int) -> int:
    return max(WINDOW, point // 10)


class Idle:
    """A proposer that costs nearly nothing: a new number in the first line, drawn without a generator."""

    def plan(self, selection: Selection, context: Context) -> Plan:
        parent = selection.parents[0]
        rest = parent.program.text("program.py").split("\n", 1)[1]
        value = (context.number * 0.6180339887498949) % 6.0
        program = parent.program.replace({"program.py": f"x = {value!r}\n{rest}".encode()})
        proposal = Proposal(
            program=program, parents=(parent.number,), operator="number", summary=f"set x to {value:.3g}"
        )
        return lambda: proposal

    def tell(self, trial: Trial) -> None:
        """Nothing to learn."""


def main(trials: int) -> None:
    points = [p for p in (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000) if p <= trials]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        curve = Curve(points)
        begun = time.monotonic()
        with open_evolution(path, trials=trials, proposer=Idle(), on_trial=curve) as evolution:
            evolution.run()
        wall = time.monotonic() - begun
        print(f"{trials} trials in {wall:.1f} s: {trials / wall:.0f} trials/s with a free proposer and evaluator")
        print("\n  trial   CPU ms a trial (loop, journal, commit, ledger, packing)")
        for point, milliseconds in curve.rows():
            print(f"{point:>7}   {milliseconds:.3f}")
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        git = sum(file.stat().st_size for file in (path / ".git").rglob("*") if file.is_file())
        packs = len(list((path / ".git" / "objects" / "pack").glob("*.pack")))
        print(f"\nrun directory {size / 1e6:.1f} MB, of it git {git / 1e6:.1f} MB in {packs} packs")
        begun = time.monotonic()
        clone = ["git", "clone", "-q", f"file://{path}", str(Path(folder) / "clone")]
        subprocess.run(clone, check=True)
        print(f"git clone over the protocol: {time.monotonic() - begun:.1f} s")
        begun = time.monotonic()
        with open_evolution(path):
            print(f"resume: {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
