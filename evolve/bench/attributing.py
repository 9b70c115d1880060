"""An attribution of what a run has adopted: its scaffolds, its task, its models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from evolve import forms
from evolve.bench.attribution import Attribution, arms, freeze
from evolve.bench.lock import locked
from evolve.budget import Budget
from evolve.config import check_config, counted, same_task, task_of
from evolve.errors import RunNotFound, TaskError
from evolve.forms.improve import families_of
from evolve.history import History
from evolve.models.meter import Meter
from evolve.models.transcript import TRANSCRIPT, Transcript
from evolve.options import check_limits
from evolve.recovery import needs_recovery
from evolve.reviewing import lineage_of
from evolve.run import Run
from evolve.sandboxes.choose import require_safe
from evolve.scoring import Asking, make_sandbox, make_scorer
from evolve.services import make_models, models_of, moved
from evolve.task import Task
from evolve.types import Split

__all__ = ["calls_at_most", "chosen_trials", "opened"]


def chosen_trials(history: History, trial: int | str | None, against: int | str) -> tuple[int, int]:
    """The numbers of the old and the new one. `trial` is the new one, by default what was adopted after the seed, else
    the best; `against` is the old one, or "previous", for what was adopted before the new one. Trials go by what
    `History.find` takes. Raises `TaskError`, `RunNotFound`."""
    lineage = lineage_of(history)
    adopted = None if lineage is None or lineage.adoption.adopted is None else lineage.adoption.adopted.number
    new = history.find(trial if trial is not None else adopted or "best").number  # the seed is no change
    if against != "previous":
        old = history.find(against).number
    else:
        standing = () if lineage is None else lineage.adoption.history
        found = [adoption.before for adoption in standing if adoption.number == new]
        if not found:
            raise TaskError(f"nothing was adopted before trial {new} in {history.path}: name a trial with --against")
        old = found[-1]
    if old == new == 0 and trial is None:
        raise TaskError(
            f"nothing in {history.path} is better than its seed, so there is no gain to attribute: search on, or name "
            f"a trial with --trial"
        )
    if old == new:
        raise TaskError(f"trial {new} is both old and new: name another with --trial or --against")
    return old, new


def calls_at_most(task: Task, split: Split = "search") -> int:
    """How many calls of models one evaluation of a scaffold may take."""
    settings = task.settings
    table = settings.solve if settings.solve.benchmark is not None else settings.improve
    tasks = (split == "held_out" and settings.improve.held_out) or settings.improve.tasks
    searches = table.each * (1 if settings.solve.benchmark is not None else len(tasks))
    return settings.evaluator.times * searches * table.calls


@contextmanager
def opened(  # noqa: PLR0913 - every option of an attribution, by name
    path: Path,
    folder: Path,
    *,
    trial: int | str | None = None,
    against: int | str = "seed",
    split: Split = "search",
    limits: Mapping[str, Any] | None = None,
    sandbox: str | None = None,
    allow_unsafe: bool = False,
    task: str | None = None,
    base_url: str | None = None,
    api_key_env: str | None = None,
    workers: int | None = None,
    on_notice: Callable[[str], None] = lambda _: None,
    on_round: Callable[[pd.DataFrame], None] = lambda _: None,
) -> Iterator[tuple[Attribution, Task, Budget]]:
    """The attribution of the run at `path` in `folder`, its task, and its budget, which counts earlier sessions too.

    Models are the run's, asked under leases of their own; `limits` are `calls`, `tokens` and `dollars` for all of it.
    Raises as `Search.resume` does, and `TaskError` for a run whose programs are no scaffolds.
    """
    if needs_recovery(path):
        raise RunNotFound(
            f"{path} has commits and no journal, as a clone has: attribute the run that it was cloned from"
        )
    history = History(path)
    old, new = chosen_trials(history, trial, against)
    given = check_limits(limits or {})
    run = Run.open(path)
    try:
        check_config(run)
        found = same_task(task, task_of(run), run)
        asked = models_of(run)
        config = run.config
    finally:
        run.close()  # it is only read, and may go on meanwhile
    if not found.settings.of_scaffolds:
        raise TaskError(
            f"the programs of {path} are no scaffolds, so they propose nothing whose gain could be attributed: give a "
            f"run of scaffolds, as `evolve run stop` makes one"
        )
    with ExitStack() as stack:
        place = make_sandbox(found, sandbox or config["sandbox"])
        stack.callback(place.close)
        require_safe(place, untrusted=True, allow_unsafe=allow_unsafe or config["allow_unsafe"])
        scaffolds = arms(history.program(old), history.program(new))
        stack.enter_context(locked(folder))
        freeze(
            folder,
            {
                "scaffolds": {arm: program.tree for arm, program in scaffolds.items()},
                "split": split,
                "task": found.tree,
                "models": [model.stored() for model in asked],
                "seed": config["seed"],
            },
        )
        budget = Budget(counted(given))
        there = [moved(model, base_url=base_url, api_key_env=api_key_env) for model in asked]
        models = make_models(there, on_notice, seed=config["seed"])
        meter = Meter(budget, Transcript(folder / TRANSCRIPT), [model for model, _ in models])
        stack.callback(meter.close)
        meter.take_up()
        asking = Asking(models, meter.relay, config.get("secret", ""))
        evaluator = make_scorer(found, place, asking=asking, on_notice=on_notice)
        stack.callback(evaluator.close)
        made = Attribution(
            folder,
            scaffolds,
            evaluator,
            families=families_of(found, forms.load, split),
            split=split,
            workers=workers or config["workers"],
            on_round=on_round,
            on_failure=meter.close,
        )
        yield made, found, budget
