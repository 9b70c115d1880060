"""What a person decides about a lineage of adopted scaffolds, between two sessions of its run."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from evolve.adoption.controller import Adoption
from evolve.adoption.records import Review, Transition, encode_review
from evolve.adoption.referee import Referee
from evolve.adoption.settings import adoption_of
from evolve.again import Silent, Unasked
from evolve.budget import Budget
from evolve.config import check_config, parts_of, same_task, task_of
from evolve.errors import TaskError
from evolve.evolution import Evolution
from evolve.history import History
from evolve.lineage import Lineage
from evolve.recovery import needs_recovery, recover
from evolve.run import Run
from evolve.services import models_of, most_of

__all__ = ["Lineages", "lineage_of", "review"]


@dataclass(frozen=True)
class Lineages:
    """A lineage as the journal tells it: its state, and what became of challengers, in order."""

    adoption: Adoption
    said: tuple[Transition, ...]


def lineage_of(history: History) -> Lineages | None:
    """The lineage of adopted programs in a run; None where it has no gate. Raises `RunDamaged`."""
    adoption = adoption_of(history.config)
    if adoption is None:
        return None
    said: list[Transition] = []
    for entry in history.judged:
        said += adoption.tell(history[entry]) if isinstance(entry, int) else adoption.fold(entry)
    return Lineages(adoption, tuple(said))


def review(path: Path, answer: Review, *, task: str | None = None) -> tuple[Transition, ...]:
    """Have the run at `path` hear a person's answer: it is journaled, and kept in a commit of the branch `adopted`.

    Nothing is asked and nothing runs. What became of challengers because of it is returned. Raises as `Search.resume`
    does, and `TaskError` when nothing waits for this answer.
    """
    if needs_recovery(path):
        recover(path)
    run = Run.open(path)
    with ExitStack() as stack:
        stack.callback(run.close)
        check_config(run)
        found = same_task(task, task_of(run), run)
        models = tuple((Silent(model.name, most_of(model)), model.weight) for model in models_of(run))
        parts = parts_of(run, found, None, models)
        if parts.adoption is None:
            raise TaskError(f"{path} has no gate, so nothing in it waits for a person")
        lineage = Lineage(path, started=run.config["started"], config=run.config_text, hold=run.lock)
        stack.callback(lineage.close)
        said: list[Transition] = []
        gate = Referee(parts.adoption, Unasked(), lineage, objective=found.tree, on_transition=said.append)
        evolution = Evolution(
            seed_program=parts.seed,
            journal=run.journal,
            lineage=lineage,
            archive=parts.archive,
            proposer=parts.proposer,
            evaluator=Unasked(),
            budget=Budget(),
            regions=parts.regions,
            seed=run.config["seed"],
            tuning=parts.tuning,
            gate=gate,
        )
        evolution.replay(run.events(), unfinished=())
        if problem := parts.adoption.review_problem(answer.number):
            raise TaskError(f"{problem}; see evolve review {quote(str(path))}")
        before = len(said)
        evolution.hear(encode_review(answer))
        return tuple(said[before:])
