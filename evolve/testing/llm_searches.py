"""A whole search whose proposer asks a simulated model: the real loop, journal, transcript and lineage.

As a module it is a program to be killed: ``python -m evolve.testing.llm_searches PATH TRIALS`` starts or resumes the
run at PATH, one trial at a time; `EVOLVE_PAUSE` is how many seconds an answer takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from evolve.evolution import Evolution
from evolve.proposers.llm import LLM
from evolve.regions import Regions
from evolve.simulated import SimulatedModel
from evolve.testing.fakes import FunctionEvaluator
from evolve.testing.searches import open_evolution
from evolve.types import Evaluation, Program, Status

__all__ = ["log", "open_search"]

_SEED = Program(
    {
        "program.py": b"""\
# EVOLVE-BLOCK-START
def weight(size, room):
    rest = room - size
    if rest < 20:
        return 22.0 - 1.5 * rest
    return 2.0 - 0.01 * rest
# EVOLVE-BLOCK-END
"""
    }
)


def open_search(path: Path, *, trials: int, **settings: Any) -> AbstractContextManager[Evolution]:
    """A search at `path`, new or resumed; `settings` as for Evolution."""
    regions = Regions(_SEED)
    model = SimulatedModel(seconds=float(os.environ.get("EVOLVE_PAUSE", "0")))
    proposer = LLM(regions, [(model, 1.0)], task="Weigh.", patience=10)
    given = {"seed_program": _SEED, "regions": regions, "evaluator": FunctionEvaluator(_score), "models": True}
    return open_evolution(path, trials=trials, proposer=proposer, **{**given, **settings})


def log(path: Path) -> list[str]:
    """The commits of all trials, with their subjects."""
    end = subprocess.run(
        ["git", "-C", str(path), "log", "--format=%H %s", "best", "trials"], capture_output=True, text=True, check=True
    )
    # the ledger's own commits differ: they say how the sessions ended
    return sorted(line for line in end.stdout.splitlines() if " Ledger" not in line)


def _score(program: Program) -> Evaluation:
    """By the text alone: no program is run here."""
    text = program.text("program.py")
    for word in ("no_such_name", "(0 / 0)"):
        if word in text:
            return Evaluation(status=Status.FAILED, feedback=f"line 5: {word!r} came to nothing")
    fitness = -abs(sum(text.encode()) % 1000 - 500) / 500
    return Evaluation(status=Status.OK, score=fitness, fitness=fitness)


if __name__ == "__main__":
    with open_search(Path(sys.argv[1]), trials=int(sys.argv[2])) as search:
        search.run()
