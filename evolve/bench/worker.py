"""One run of a bench, in a process of its own: `python -m evolve.bench.worker FOLDER`, the order on standard input.

So processor time is that of one run, and one that crashes takes no other with it. It ends when its standard input does,
that is, with the process that started it.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd

from evolve import forms
from evolve.bench.cpu import tree_seconds
from evolve.bench.plan import Order, searcher_identity
from evolve.bench.rows import write
from evolve.errors import EvolveError, TaskError
from evolve.options import Options
from evolve.search import Search
from evolve.simulated import SimulatedModel
from evolve.types import Trial

__all__ = ["failure", "make_run"]


class _Recorder:
    """Writes down a row for each trial that is told."""

    def __init__(self) -> None:
        self.search: Search | None = None
        self.rows: list[dict[str, Any]] = []
        self._begun = time.perf_counter()
        self._cpu = self._candidates = 0.0

    def tell(self, trial: Trial) -> None:
        assert self.search is not None
        evolution = self.search.evolution
        spent, best = evolution.budget.spent, evolution.best
        asked = math.fsum(model.cpu_seconds for model in self.search.models if isinstance(model, SimulatedModel))
        engine = time.process_time() - asked
        self._candidates += trial.evaluation.cost.cpu_seconds
        # what was killed together with its parent is not in the tree any more, and a daemon's containers never were
        self._cpu = max(self._cpu, tree_seconds(os.getpid()) - asked, engine + self._candidates)
        self.rows.append(
            {
                "calls": spent["calls"],
                "tokens": spent["tokens"],
                "evaluations": spent["evaluations"],
                "cpu_seconds": self._cpu,
                "seconds": time.perf_counter() - self._begun,
                "score": _number(trial.evaluation.score),
                "best": _number(best.evaluation.score if best is not None else None),
                "engine_cpu_seconds": engine,
                "operator": trial.operator,
                "status": str(trial.evaluation.status),
            }
        )


def make_run(order: Order, file: Path, path: Path) -> str:
    """Make the run in the directory `path`, and write its rows into `file`, those of one that fails too.

    Returns why it failed, or "".
    """
    recorder = _Recorder()
    message, known = "", {"sandbox": "", "held_out": math.nan}
    try:
        if (found := searcher_identity()) != order.searcher:
            raise TaskError(f"the code has changed under the bench: it was {order.searcher}, and is {found}")
        task = forms.load(order.reference, order.form)
        options = Options(seed=order.seed, **order.options)
        with Search.start(task, path, limits=order.limits, options=options, on_trial=recorder.tell) as search:
            recorder.search, known["sandbox"] = search, search.sandbox.name
            result = search.run()
            if result.held_out_best is not None:
                known["held_out"] = _number(result.held_out_best.score)
    except EvolveError as error:
        message = f"{type(error).__name__}: {error}"
    _write(order, file, recorder.rows, {**known, "message": message})
    return message


def failure(order: Order, file: Path, message: str) -> None:
    """Write that a run failed which could not write it itself."""
    _write(order, file, [], {"message": message})


def _write(order: Order, file: Path, rows: list[dict[str, Any]], known: dict[str, Any]) -> None:
    nothing = dict.fromkeys(("calls", "tokens", "evaluations", "cpu_seconds", "seconds"), 0)
    run = {
        "policy": order.policy,
        "task": order.task,
        "seed": order.seed,
        "searcher": order.searcher,
        "model": order.model,
        "direction": order.direction,
        "budget": order.limits.get("calls"),
        "outcome": "failed" if known["message"] else "finished",
        **known,
    }
    table = pd.DataFrame([run | row for row in rows or [nothing | {"score": math.nan, "best": math.nan}]])
    write(file, table.astype({"budget": "Int64"}))


def _number(score: float | None) -> float:
    return math.nan if score is None else score


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)  # what runs in sandboxes ends with this process


def main(folder: Path) -> int:
    """Make the run that standard input asks for. What it leaves beside its rows is kept when the order says so."""
    order, keep = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    made = Order(**order)
    path = folder / "runs" / made.task / made.policy / str(made.seed)
    shutil.rmtree(path, ignore_errors=True)  # half a run, of a bench that was killed
    path.parent.mkdir(parents=True, exist_ok=True)
    message = make_run(made, made.file(folder), path)
    if not keep:
        shutil.rmtree(path, ignore_errors=True)
    return 1 if message else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
