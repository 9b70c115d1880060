"""From a task and options, or from the config of a run, to what a search is made of.

`evolve.scoring` has what scores programs; `evolve.search` and `evolve.replaying` put a run together from these parts.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from evolve import forms
from evolve.adoption.controller import Adoption
from evolve.adoption.settings import adoption_of
from evolve.archives.contest import BASELINE
from evolve.archives.tuned import Tuned
from evolve.errors import RunDamaged, TaskError
from evolve.forms.improve import families_of
from evolve.journal import decode_proposal
from evolve.models.openai import OpenAIModel
from evolve.models.prices import Price
from evolve.models.settings import ModelSettings
from evolve.options import Options, check_limits
from evolve.policies import make_archive, require_stalling, tuning_settings, with_baseline
from evolve.proposers.apart import Apart
from evolve.proposers.tuner import Tuner
from evolve.proposers.woven import Woven
from evolve.proposing import ASKING, PROPOSERS, find_proposer, kept_of, make_proposer, told_of
from evolve.regions import Regions
from evolve.run import Run
from evolve.sandboxes.choose import require_safe
from evolve.scoring import make_sandbox
from evolve.services import Models, choose_asked, make_models
from evolve.task import Task
from evolve.types import Archive, Model, Program, Proposer, Sandbox, Tuning

__all__ = [
    "DEFAULT_TRIALS",
    "Parts",
    "check_config",
    "counted",
    "in_flight",
    "parts_of",
    "prepare",
    "same_task",
    "task_of",
]

DEFAULT_TRIALS = 200
"""Of a run whose task and options set no limit at all."""

_SESSIONS = 32
"""Structures in tuning that are remembered when tuning is woven in: each lane may have some."""

_CONFIG = frozenset(
    {"task", "evaluator", "started", "seed", "workers", "sandbox", "allow_unsafe", "proposer", "archive", "limits"}
)
"""What the configuration of every run holds."""


@dataclass(frozen=True)
class Parts:
    """What a search is made of, beside its run: all that can be wrong before there is one."""

    task: Task
    seed: Program
    regions: Regions
    archive: Archive
    proposer: Proposer
    sandbox: Sandbox | None
    models: Models
    tuning: Tuning | None = None
    adoption: Adoption | None = None


def prepare(
    task: Task,
    *,
    limits: Mapping[str, Any] | None = None,
    options: Options | None = None,
    on_notice: Callable[[str], None] = lambda _: None,
    service: Callable[..., Model] = OpenAIModel,
) -> tuple[Parts, dict[str, Any]]:
    """What a run of `task` would be made of, and its config; nothing of it exists yet. The caller closes the sandbox.

    `service` makes a model of its settings and `on_notice`. Raises as `Search.start` does.
    """
    options = options or Options()
    models = choose_asked(options, task.form.models)
    limits = _limits_of(task, check_limits(limits or {}))
    _require_an_end(limits, models)
    options = _resolved(options, task, models)
    if options.stop_when_stalled:
        require_stalling(options.archive, limits)
    find_proposer(options.proposer)
    sandbox = make_sandbox(task, options.sandbox)
    try:
        given = task.settings.search.seed if options.seed is None else options.seed
        seed, seeded = given or 0, given is not None  # who gives one wants what can be repeated by anybody
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        config = {
            "version": 1,
            "task": task.reference,
            "form": task.form.name if task.form.name in forms.FORMS else "native",
            "name": task.name,
            "evaluator": task.tree,
            "direction": task.settings.task.direction,
            "started": int(epoch) if epoch.isdigit() else int(time.time()),
            "seed": seed,
            "workers": options.workers or _workers_of(task),
            "sandbox": sandbox.name,
            "allow_unsafe": options.allow_unsafe,
            "proposer": options.proposer,
            "archive": options.archive,
            "tuning": options.tuning,
            **({"baseline": options.baseline} if options.baseline else {}),
            **({"stop_when_stalled": True} if options.stop_when_stalled else {}),
            "strict": options.strict,
            "limits": dict(limits),
            **(_gate(task, options) if task.settings.gated else {}),
            **({"secret": secrets.token_hex(16)} if task.settings.gated and not seeded else {}),
            **({"calls_in_flight": options.calls_in_flight} if models else {}),
            **(kept_of(options, task) if options.proposer in ASKING else {}),
            **({"models": [model.stored() for model in models]} if models else {}),
        }
        made = make_models(models, on_notice, service, seed=seed)
        parts = _make_parts(task, task.seed, sandbox, made, config)
    except BaseException:  # an interrupt, too, leaves no sandbox behind
        sandbox.close()
        raise
    return parts, config


def parts_of(run: Run, task: Task, sandbox: Sandbox | None, models: Models) -> Parts:
    """What a run began with. Raises as `prepare`."""
    return _make_parts(task, _seed_of(run) or task.seed, sandbox, models, run.config)


def _make_parts(task: Task, seed: Program, sandbox: Sandbox | None, models: Models, config: Mapping[str, Any]) -> Parts:
    """The one way from a run's config to objects, whether it is just beginning or was read."""
    name, tuning, baseline = config["proposer"], config.get("tuning", "off"), config.get("baseline", "")
    if sandbox is not None:
        require_safe(sandbox, untrusted=name not in PROPOSERS, allow_unsafe=config["allow_unsafe"])
    regions = Regions(seed, task.settings.task.editable)
    archive = make_archive(config["archive"], config["limits"])
    if models and name in PROPOSERS and not task.settings.of_scaffolds:
        raise TaskError(f"the proposer {name!r} asks no models; leave out either it or the models")
    if not models and name in ASKING:
        raise TaskError(f"the proposer {name!r} asks models, and there are none: name one with --model")
    adoption = adoption_of(config, where=f"{task.folder / 'task.toml'}: [gate]")
    told = told_of(task, config, seed, sandbox, adoption) if name in ASKING else {}
    proposer, tuned = make_proposer(name, regions, models, told), None
    if tuning != "off":
        archive = tuned = Tuned(archive, **tuning_settings(tuning))
        proposer = Woven(proposer, Tuner(regions, patience=5, elsewhere=False, sessions=_SESSIONS))
    if baseline:
        archive = with_baseline(archive, baseline)
        proposer = Apart(BASELINE, make_proposer(name, regions, models, told), proposer)
    return Parts(task, seed, regions, archive, proposer, sandbox, models, tuned, adoption)


def _resolved(options: Options, task: Task, models: Sequence[ModelSettings]) -> Options:
    """The options with what "auto" stands for; tuning stays so where it is on unless evaluations show to be slow."""
    of_scaffolds = task.settings.of_scaffolds
    if options.proposer == "auto":
        default = "adopted" if task.settings.gated else "llm" if models else "mix"
        options = replace(options, proposer=default if options.scaffold is None else "scaffold")
    if options.archive == "auto":
        default = "lanes" if models and not of_scaffolds else "top"
        options = replace(options, archive=task.settings.search.archive or default)
    if options.tuning == "auto" and (of_scaffolds or not models):
        # what scores a scaffold asks models: too dear for a number's sake
        options = replace(options, tuning="off")
    return options


def _gate(task: Task, options: Options) -> dict[str, Any]:
    """What a run keeps of its gate. Where the adopted one does not propose, it is no canary either."""
    table = task.settings.gate.model_dump()
    if not (table["canary"] and options.proposer == "adopted"):
        table = {name: value for name, value in table.items() if not name.startswith("canary")} | {"canary": False}
    return {"gate": {**table, "families": list(families_of(task, forms.load))}}


def in_flight(workers: int, calls: int) -> tuple[int, int | None]:
    """How many trials, and how many proposals of them, may be under way.

    One worker and one call are a promise: the same seed, the same commits. Else proposals keep ahead of the evaluators:
    by one where they cost next to nothing, and by another one for each worker where models are asked, so that an answer
    that comes late idles nobody.
    """
    if workers == 1 and calls <= 1:
        return 1, None
    return (calls + 2 * workers, calls) if calls else (workers + 1, None)


def check_config(run: Run) -> None:
    if missing := sorted(_CONFIG - run.config.keys()):
        raise RunDamaged(
            f"{run.state / 'config.toml'} lacks {', '.join(missing)}; the ledger has a whole copy: "
            f"git -C {quote(str(run.path))} show trials:config.toml"
        )


def task_of(run: Run) -> str:
    """Where the last session found the task."""
    reference: str = run.config["task"]
    for event in run.events("opened"):
        reference = event.get("task", reference)
    return reference


def same_task(given: str | None, known: str, run: Run) -> Task:
    if given is None and Path(known).is_absolute() and not Path(known).exists():
        raise TaskError(
            f"the task of {run.path} is not at {known} any more; say where it is: "
            f"evolve resume {quote(str(run.path))} --task DIR"
        )
    task = forms.load(given or known, run.config.get("form", "native"))
    if task.tree != run.config["evaluator"]:
        raise TaskError(
            f"the evaluator in {task.folder} has changed since {run.path} began, so scores cannot be compared; "
            f"give the unchanged folder with --task, or begin a new run"
        )
    return task


def _limits_of(task: Task, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The limits given; the task's when there are none; a number of trials when it has none either."""
    defaults = check_limits(task.settings.search.limits)
    return given or defaults or {"trials": DEFAULT_TRIALS}


def _require_an_end(limits: Mapping[str, Any], models: Sequence[ModelSettings]) -> None:
    """Limits on what a run cannot spend never end it. Raises `TaskError`."""
    spendable = {"trials", "evaluations", "seconds"}
    if models:
        spendable |= {"calls", "tokens"}
    if any(Price.parse(model.price).most(input_tokens=1, output_tokens=1) for model in models):
        spendable.add("nanodollars")
    if not spendable & limits.keys():
        named = " and ".join("dollars" if name == "nanodollars" else name for name in limits)
        why = "what it asks costs nothing" if models else "it asks no models"
        raise TaskError(
            f"a limit on {named} would never end this run, since {why}: give another one too, such as --trials 100 or "
            f"--seconds 3600"
        )


def _workers_of(task: Task) -> int:
    processors = len(os.sched_getaffinity(0))
    return min(task.settings.search.workers or processors, processors)


def counted(limits: Mapping[str, Any]) -> dict[str, int]:
    return {key: value for key, value in limits.items() if key != "seconds"}


def _seed_of(run: Run) -> Program | None:
    """The seed that a run began with; its task's may have been edited since."""
    for event in run.events():
        if event["event"] == "proposed":
            return decode_proposal(event, None).program
    return None
