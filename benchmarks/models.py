"""How busy a search keeps its models and how much processor time it takes: 64 calls in flight at 2 seconds each.

python benchmarks/models.py [SECONDS]

The service is a process of its own on the same machine. An answer takes 2 seconds, an evaluation 20 ms, and two run at
a time. A slot is busy while its request is at the service: two seconds for each call that ended, whatever the engine
added to them. The first four seconds are left out, and so is the end, when no new calls are made.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evolve.models.openai import OpenAIModel
from evolve.models.settings import ModelSettings
from evolve.regions import Regions
from evolve.testing.asking import NumberAsker
from evolve.testing.fakes import FunctionEvaluator, number_program, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Program, Reply, Request, Trial

CALLS, LATENCY, EVALUATION, WORKERS = 64, 2.0, 0.02, 2
BUSY_AT_LEAST, CPU_AT_MOST = 0.95, 15.0


def score(program: Program) -> float:
    """As an evaluator in another process: the time passes elsewhere."""
    time.sleep(EVALUATION)
    return number_score(program)


def main(seconds: float) -> bool:
    """Print the figures; False when one was missed."""
    service = subprocess.Popen(
        [sys.executable, "-m", "evolve.testing.servers", str(LATENCY)], stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    url = service.stdout.readline().strip()
    moments: list[tuple[float, float]] = []
    ends: list[float] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            seed = number_program(0.0)
            model = Watched(ModelSettings(name="fake", price="1/10", base_url=url), ends)
            proposer = NumberAsker(Regions(seed), [(model, 1.0)])
            run = Path(folder) / "run"
            settings: dict[str, Any] = {
                "seed_program": seed,
                "proposer": proposer,
                "evaluator": FunctionEvaluator(score),
                "workers": WORKERS,
                "in_flight": CALLS + 2 * WORKERS,
                "proposals": CALLS,
            }

            def told(_trial: Trial) -> None:
                moments.append((time.monotonic(), time.process_time()))

            with open_evolution(run, models=[model], on_trial=told, **settings) as evolution:
                evolution.budget.seconds = seconds
                begun = time.monotonic()
                evolution.run()
    finally:
        service.terminate()
        service.wait()
    return report(begun + 2 * LATENCY, begun + seconds, moments, ends)


class Watched(OpenAIModel):
    """Notes when each call ended."""

    def __init__(self, settings: ModelSettings, ends: list[float]) -> None:
        super().__init__(settings)
        self._ends = ends

    def complete(self, request: Request) -> Reply:
        reply = super().complete(request)
        self._ends.append(time.monotonic())
        return reply


def report(begin: float, end: float, moments: list[tuple[float, float]], ends: list[float]) -> bool:
    """The figures of what lies between the two moments."""
    middle = [moment for moment in moments if begin <= moment[0] <= end]
    trials = len(middle) - 1
    at_service = sum(max(0.0, min(each, end) - max(each - LATENCY, begin)) for each in ends)
    busy = at_service / (CALLS * (end - begin))
    cpu = 1e3 * (middle[-1][1] - middle[0][1]) / trials
    load = os.getloadavg()[0]
    print(f"{trials} trials in {end - begin:.1f} s, {len(os.sched_getaffinity(0))} processors, load {load:.1f}")
    print(f"model slots busy      {100 * busy:6.1f} %     asked for: at least {100 * BUSY_AT_LEAST:.0f} %")
    print(f"engine CPU per trial  {cpu:6.1f} ms    asked for: at most {CPU_AT_MOST:.0f} ms")
    return busy >= BUSY_AT_LEAST and cpu <= CPU_AT_MOST


if __name__ == "__main__":
    sys.exit(not main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0))
