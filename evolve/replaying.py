"""A run made again, from its journal and its transcript, and compared with itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import git

from evolve.adoption.referee import Referee
from evolve.again import Anew, Silent, Unasked, unknown
from evolve.budget import Budget
from evolve.config import check_config, parts_of, same_task, task_of
from evolve.errors import RunNotFound, StorageError
from evolve.evolution import Evolution
from evolve.journal import Journal
from evolve.lineage import Lineage
from evolve.models.meter import Meter
from evolve.models.transcript import EVALUATIONS, TRANSCRIPT, Transcript
from evolve.recovery import needs_recovery
from evolve.run import Run
from evolve.scoring import Asking, make_sandbox, make_scorer
from evolve.services import models_of, most_of

__all__ = ["Replayed", "replay"]


@dataclass(frozen=True)
class Replayed:
    """What a replay made again: trials told, commits by branch, and how many programs were evaluated anew."""

    told: int
    branches: Mapping[str, str]
    evaluated: int


def replay(
    path: Path, *, task: str | None = None, sandbox: str | None = None, witness: Callable[[str], None]
) -> Replayed:
    """Make the run at `path` again, in a folder that is thrown away: each selection, prompt and proposal.

    Models answer from the transcript and evaluations come from the journal, so nothing is asked and nothing runs but a
    scaffold that proposes; with a `sandbox` every program is evaluated anew, and the journal's evaluation counts.
    `witness` hears of everything that comes out otherwise, trial by trial, and of branches whose commits are others.

    Raises as `Search.resume` does, and `RunNotFound` for a clone: what was asked and answered is in no commit.
    """
    if needs_recovery(path):
        raise RunNotFound(
            f"{path} has commits and no journal, as a clone has: what was asked and answered is not in git, so replay "
            f"the run that it was cloned from"
        )
    run = Run.open(path)
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="evolve-replay-") as folder:
        stack.callback(run.close)
        check_config(run)
        found = same_task(task, task_of(run), run)
        models = tuple((Silent(model.name, most_of(model)), model.weight) for model in models_of(run))
        # a scaffold is no function of ours: to propose again is to run it again, where it ran
        place = sandbox or (run.config["sandbox"] if run.config["proposer"] in {"scaffold", "adopted"} else None)
        chosen = stack.enter_context(closing(make_sandbox(found, place))) if place is not None else None
        parts = parts_of(run, found, chosen, models)
        anew = None
        meter, budget = None, Budget()
        if models:
            meter = Meter(budget, _copied(run, TRANSCRIPT, folder), [model for model, _ in models])
            stack.callback(meter.close)
        if sandbox is not None and chosen is not None:
            asking = None
            if models and found.settings.of_scaffolds:
                beside = Meter(budget, _copied(run, EVALUATIONS, folder))
                stack.callback(beside.close)
                asking = Asking(models, beside.relay, run.config.get("secret", ""))
            scorer = make_scorer(found, chosen, strict=run.config.get("strict", False), asking=asking)
            anew = Anew(stack.enter_context(closing(scorer)), witness)
        lineage = Lineage(Path(folder, "run"), started=run.config["started"], config=run.config_text)
        gate = None
        if parts.adoption is not None:
            gate = Referee(parts.adoption, anew or Unasked(), lineage, objective=found.tree)
        scratch = Journal(Path(folder, "journal.jsonl"))
        stack.callback(scratch.close)
        evolution = Evolution(
            seed_program=parts.seed,
            journal=scratch,
            lineage=lineage,
            archive=parts.archive,
            proposer=parts.proposer,
            evaluator=anew or Unasked(),
            budget=budget,
            regions=parts.regions,
            seed=run.config["seed"],
            tuning=parts.tuning,
            gate=gate,
            meter=meter,
            once=unknown,
        )
        try:
            evolution.replay(run.events(), unfinished=(), witness=witness)
        finally:
            lineage.close()
        branches = _compare_branches(Path(folder, "run"), path, witness)
        return Replayed(evolution.learners.told, branches, anew.compared if anew else 0)


def _copied(run: Run, name: str, folder: str) -> Transcript:
    """A copy of what models have answered, as far as there is any."""
    kept = Path(folder, name)
    try:
        if (run.state / name).exists():
            shutil.copy(run.state / name, kept)
    except OSError as error:
        raise StorageError(f"cannot copy the transcript to {kept}: {error.strerror}; make room") from error
    return Transcript(kept)


def _compare_branches(again: Path, path: Path, witness: Callable[[str], None]) -> dict[str, str]:
    """The branches that came out, with their commits."""
    with git.Repo(again) as mine, git.Repo(path) as theirs:
        found = {head.name: head.commit.hexsha for head in mine.heads}
        there = {head.name: head.commit.hexsha for head in theirs.heads}
    for name, commit in found.items():
        if there.get(name) != commit:
            witness(f"branch {name}: {commit} came out, and the run has {there.get(name, 'none')}")
    return found
