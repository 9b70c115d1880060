"""A whole search, as `evolve run` does one, of programs that cost nothing to propose and next to nothing to score.

    python benchmarks/search.py [SANDBOX] [TRIALS] [WORKERS]

first    seconds until the seed is scored: sandbox tried, sessions opened, repository made
rate     trials per second from then on, to the last one that is told and committed
whole    trials per second of all the time, with opening and closing
cpu      milliseconds of processor time per trial of the engine alone, git's among them
load     of the machine, before: 1-minute average of runnable processes
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from evolve.options import Options
from evolve.regions import Regions
from evolve.search import Search
from evolve.task import Task
from evolve.types import Context, Plan, Proposal, Selection, Trial

ASKED = 80.0  # trials per second, in docker, with two workers on two cores
SOURCE = "# EVOLVE-BLOCK-START\ndef f():\n    return {value!r}\n# EVOLVE-BLOCK-END\n"
TASK = {
    "task.toml": '[task]\ndescription = "Return 3."\n',
    "evaluate.py": "def evaluate(program):\n    return -abs(program.call('f') - 3.0)\n",
    "seed/program.py": SOURCE.format(value=0.0),
}


class Steps:
    """Draws a number around the parent's score."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions

    def plan(self, selection: Selection, context: Context) -> Plan:
        """A program that returns it."""
        parent = selection.parents[0]
        value = float(context.rng.normal()) + (parent.evaluation.score or 0.0)
        program = parent.program.replace({"program.py": SOURCE.format(value=value).encode()})
        proposal = Proposal(program=program, parents=(parent.number,), operator="step", summary=f"return {value:.3g}")
        return lambda: proposal

    def tell(self, trial: Trial) -> None:
        """Nothing is learned."""


def main(sandbox: str, trials: int, workers: int) -> int:
    """Search, and print the figures."""
    load = os.getloadavg()[0]
    statuses: Counter[str] = Counter()
    told: list[float] = []

    def on_trial(trial: Trial) -> None:
        told.append(time.perf_counter())
        statuses[str(trial.evaluation.status)] += 1

    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder, "task")
        (task / "seed").mkdir(parents=True)
        for name, text in TASK.items():
            (task / name).write_text(text)
        begun, cpu = time.perf_counter(), _cpu()
        options = Options(sandbox=sandbox, workers=workers, proposer=f"{Path(__file__).stem}:Steps")
        with Search.start(
            Task.load(task), Path(folder, "run"), limits={"trials": trials}, options=options, on_trial=on_trial
        ) as search:
            search.run()
        ended, cpu = time.perf_counter(), _cpu() - cpu
    rate = (len(told) - 1) / (told[-1] - told[0])
    print(f"{'sandbox':12}{'trials':>8}{'first':>8}{'rate':>8}{'asked':>8}{'whole':>8}{'cpu':>8}{'load':>8}  statuses")
    figures = f"{told[0] - begun:8.2f}{rate:8.1f}{ASKED:8.1f}{len(told) / (ended - begun):8.1f}"
    print(f"{sandbox:12}{len(told):8}{figures}{1e3 * cpu / len(told):8.2f}{load:8.1f}  {dict(statuses)}")
    return 0 if rate >= ASKED and set(statuses) == {"ok"} else 1


def _cpu() -> float:
    """Processor seconds of this process and of what it has started and waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(
        main(
            arguments[0] if arguments else "docker",
            int(arguments[1]) if len(arguments) > 1 else 1000,
            int(arguments[2]) if len(arguments) > 2 else 2,
        )
    )
