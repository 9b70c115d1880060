"""A whole search on fakes: the real loop, journal and lineage with a free proposer and a free evaluator.

As a module it is a program to be killed: ``python -m evolve.testing.searches PATH TRIALS [WORKERS [KIND]]`` starts or
resumes the run at PATH and works until TRIALS trials are told. KIND is plain, moody, races or tuned: see
`testing.moody`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from evolve.archives.top import Top
from evolve.budget import Budget
from evolve.evolution import Evolution
from evolve.lineage import Lineage
from evolve.models.meter import Meter
from evolve.models.transcript import TRANSCRIPT, Transcript
from evolve.recovery import needs_recovery, recover
from evolve.regions import Regions
from evolve.run import Run
from evolve.testing.fakes import FunctionEvaluator, NumberProposer, number_program
from evolve.testing.moody import moody_settings

__all__ = ["STARTED", "open_evolution"]

STARTED = 1_700_000_000
"""When these searches say they started, in seconds since the epoch, so that their commits are always the same."""


@contextmanager
def open_evolution(path: Path, *, trials: int | None = None, **settings: Any) -> Iterator[Evolution]:
    """A search at `path`, new or resumed, of `trials` trials beside the seed; `settings` as for Evolution.

    `models` are those that its proposer asks, or True when they need not be closed; `limits` is what they may use.
    `gate` makes one, given the lineage.
    """
    limits: dict[str, int] = settings.pop("limits", {})
    if needs_recovery(path):
        recover(path)
    run = Run.open(path) if path.exists() else Run.create(path, {"started": STARTED, "task": "number"})
    with ExitStack() as stack:
        stack.callback(run.close)
        lineage = Lineage(path, started=STARTED, config=run.config_text, hold=run.lock)
        stack.callback(lineage.close)
        if make_gate := settings.pop("gate", None):
            settings["gate"] = make_gate(lineage)
        seed = settings.setdefault("seed_program", number_program(0.0))
        settings.setdefault("archive", Top())
        settings.setdefault("proposer", NumberProposer())
        settings.setdefault("evaluator", FunctionEvaluator())
        budget = Budget()
        if models := settings.pop("models", ()):
            transcript = Transcript(run.state / TRANSCRIPT)
            meter = settings["meter"] = Meter(budget, transcript, () if models is True else models)
            stack.callback(meter.close)
        evolution = Evolution(
            journal=run.journal,
            lineage=lineage,
            budget=budget,
            regions=settings.pop("regions", None) or Regions(seed),
            **settings,
        )
        evolution.replay(run.events(), unfinished=run.unfinished())
        if trials is not None:
            evolution.budget.limits = {"trials": trials, **limits}
        yield evolution


def main(path: str, trials: str, workers: str = "1", kind: str = "plain") -> None:
    """The program: see above."""
    settings = {} if kind == "plain" else moody_settings(races=kind == "races", tuned=kind == "tuned", grain=0.01)
    many = int(workers)
    with open_evolution(Path(path), trials=int(trials), workers=many, in_flight=many, **settings) as search:
        search.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
