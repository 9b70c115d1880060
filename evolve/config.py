"""From a task and options, or from the config of a run, to what a search is made of.

`evolve.scoring` has what scores programs; `evolve.search` and `evolve.replaying` put a run together from these parts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, TypeAlias

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
from evolve.models.settings import OPENAI_URL, ModelSettings, choose_models, stored_models
from evolve.options import Options, check_limits
from evolve.plugins import find, make
from evolve.policies import make_archive, tuning_settings, with_baseline
from evolve.proposers._prompts import read_prompts
from evolve.proposers.apart import Apart
from evolve.proposers.crossover import Crossover
from evolve.proposers.llm import LLM, OPERATORS
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.proposers.tuner import Tuner
from evolve.proposers.woven import Woven
from evolve.regions import Regions
from evolve.run import Run
from evolve.sandboxes.choose import require_safe
from evolve.scaffolds import read_scaffold
from evolve.scoring import make_sandbox
from evolve.simulated import SimulatedModel
from evolve.task import Task
from evolve.types import Archive, Model, Program, Proposer, Request, Sandbox, Tuning, Usage

__all__ = [
    "ASKING",
    "DEFAULT_TRIALS",
    "PROPOSERS",
    "Models",
    "Parts",
    "answers_here",
    "check_config",
    "choose_asked",
    "counted",
    "in_flight",
    "known_proposers",
    "limits_of",
    "make_models",
    "make_parts",
    "models_of",
    "most_of",
    "moved",
    "parts_of",
    "prepare",
    "same_task",
    "task_of",
    "workers_of",
]

DEFAULT_TRIALS = 200
"""Of a run whose task and options set no limit at all."""

PROPOSERS: dict[str, Callable[[Regions], Proposer]] = {
    "mutation": Mutation,
    "crossover": Crossover,
    "tuner": Tuner,
    "mix": Mix.default,
}
"""Proposers by name; each edits the user's own program by rules of ours. A plugin is named "module:attribute"."""

Models: TypeAlias = Sequence[tuple[Model, float]]
"""The models of a run, each with its weight."""

ASKING: dict[str, Callable[..., Proposer]] = {"llm": LLM, "scaffold": ScaffoldProposer, "adopted": ScaffoldProposer}
"""Proposers that ask models, by name: they are given regions, models and the settings of `_asking`. A plugin is given
the models too, when the run has some. With "adopted" a search for scaffolds has the one that it has adopted propose."""

_SESSIONS = 32
"""Structures in tuning that are remembered when tuning is woven in: each lane may have some."""

_EDITS = {"diff": "edit", "full": "rewrite"}
"""Forms of changes as other tools call them, and the operators that ask for them."""

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
    given = check_limits(limits or {})
    models = choose_asked(options, task.form.models)
    _require_an_end(limits_of(task, given), models)
    if options.proposer == "auto":
        default = "adopted" if task.settings.gated else "llm" if models else "mix"
        options = replace(options, proposer=default if options.scaffold is None else "scaffold")
    if options.archive == "auto":
        default = "lanes" if models and not task.settings.of_scaffolds else "top"
        options = replace(options, archive=task.settings.search.archive or default)
    if options.tuning == "auto":
        # what scores a scaffold asks models: too dear for a number's sake
        options = replace(options, tuning="auto" if models and not task.settings.of_scaffolds else "off")
    find("proposer", options.proposer, known_proposers())
    sandbox = make_sandbox(task, options.sandbox)
    try:
        asking = _settings_of(options, task)
        seed = (task.settings.search.seed or 0) if options.seed is None else options.seed
        made = make_models(models, on_notice, service, seed=seed)
        gate = _gate(task, options) if task.settings.gated else {}
        kept = {**asking, **gate, "seed": seed}
        parts = make_parts(task, task.seed, sandbox, options, made, kept, limits_of(task, given))
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
            "workers": options.workers or workers_of(task),
            "sandbox": sandbox.name,
            "allow_unsafe": options.allow_unsafe,
            "proposer": options.proposer,
            "archive": options.archive,
            "tuning": options.tuning,
            **({"baseline": options.baseline} if options.baseline else {}),
            **({"stop_when_stalled": True} if options.stop_when_stalled else {}),
            "strict": options.strict,
            "limits": dict(limits_of(task, given)),
            **gate,
            **({"calls_in_flight": options.calls_in_flight} if models else {}),
            **(asking if options.proposer in ASKING else {}),
            **({"models": [model.stored() for model in models]} if models else {}),
        }
    except BaseException:
        sandbox.close()
        raise
    return parts, config


def make_parts(
    task: Task,
    seed: Program,
    sandbox: Sandbox | None,
    options: Options,
    models: Models,
    config: Mapping[str, Any],
    limits: Mapping[str, Any],
) -> Parts:
    if sandbox is not None:
        require_safe(sandbox, untrusted=options.proposer not in PROPOSERS, allow_unsafe=options.allow_unsafe)
    regions = Regions(seed, task.settings.task.editable)
    archive = make_archive(options.archive, limits)
    if models and options.proposer in PROPOSERS and not task.settings.of_scaffolds:
        raise TaskError(f"the proposer {options.proposer!r} asks no models; leave out either it or the models")
    if not models and options.proposer in ASKING:
        raise TaskError(f"the proposer {options.proposer!r} asks models, and there are none: name one with --model")
    adoption = adoption_of(config, where=f"{task.folder / 'task.toml'}: [gate]")
    if options.proposer == "adopted" and adoption is None:
        raise TaskError("the proposer 'adopted' is for a task with [gate] in its task.toml: leave it out")

    def asked() -> Proposer:
        if options.proposer == "adopted" and adoption is not None:
            told = {**_described(task), "program": seed, "sandbox": sandbox, "adopted": adoption.proposer}
            return ScaffoldProposer(regions, models, **told)
        if options.proposer in ASKING:
            return ASKING[options.proposer](regions, models, **_asking(task, config, sandbox))
        given = (regions, models) if models and options.proposer not in PROPOSERS else (regions,)
        return make("proposer", options.proposer, known_proposers(), ("plan", "tell"), *given)

    proposer, tuned = asked(), None
    if options.tuning != "off":
        archive = tuned = Tuned(archive, **tuning_settings(options.tuning))
        proposer = Woven(proposer, Tuner(regions, patience=5, elsewhere=False, sessions=_SESSIONS))
    if options.baseline:
        archive, proposer = with_baseline(archive, options.baseline), Apart(BASELINE, asked(), proposer)
    return Parts(task, seed, regions, archive, proposer, sandbox, models, tuned, adoption)


def _gate(task: Task, options: Options) -> dict[str, Any]:
    """What a run keeps of its gate. Where the adopted one does not propose, it is no canary either."""
    table = task.settings.gate.model_dump()
    if not (table["canary"] and options.proposer == "adopted"):
        table = {name: value for name, value in table.items() if not name.startswith("canary")} | {"canary": False}
    return {"gate": {**table, "families": list(families_of(task, forms.load))}}


def parts_of(run: Run, task: Task, sandbox: Sandbox | None, models: Models) -> Parts:
    """What a run began with."""
    config = run.config
    options = Options(
        proposer=config["proposer"],
        scaffold="in the config" if "scaffold" in config else None,
        archive=config["archive"],
        tuning=config.get("tuning", "off"),
        baseline=config.get("baseline", ""),
        allow_unsafe=config["allow_unsafe"],
    )
    return make_parts(task, _seed_of(run) or task.seed, sandbox, options, models, config, config["limits"])


def _settings_of(options: Options, task: Task) -> dict[str, Any]:
    """What a run keeps of how its proposer asks models: prompts, or the scaffold as it was when the run began."""
    if options.proposer == "adopted":
        return {}
    if options.scaffold is None:
        return {
            "ensemble": options.ensemble,
            "operators": _operators(task),
            "prompts": read_prompts(task.folder),
        }
    program = read_scaffold(os.fspath(options.scaffold))
    files = {path: content.decode() for path, content in program.files.items()}
    kept = {"tree": program.tree, "executables": sorted(program.executables), "files": files}
    evaluations = 0 if task.settings.of_scaffolds else task.settings.search.evaluations_asked
    return {"scaffold": {**kept, "evaluations": evaluations}}


def _asking(task: Task, config: Mapping[str, Any], sandbox: Sandbox | None) -> dict[str, Any]:
    """What a proposer of ours that asks models is told: of the task, and how the run began."""
    told = _described(task)
    if "scaffold" not in config:
        operators = config.get("operators", OPERATORS)
        return {**told, "templates": config["prompts"], "ensemble": config["ensemble"], "operators": operators}
    kept = config["scaffold"]
    files = {path: text.encode() for path, text in kept["files"].items()}
    program = Program(files, frozenset(kept["executables"]))
    return {**told, "program": program, "sandbox": sandbox, "evaluations": kept.get("evaluations", 0)}


def _described(task: Task) -> dict[str, Any]:
    settings = task.settings.task
    return {"task": settings.description, "direction": settings.direction}


def _operators(task: Task) -> Mapping[str, float]:
    """How often each is asked for; where another tool's configuration wants one form of changes alone, that one."""
    wanted = {_EDITS[name] for name in task.form.edits if name in _EDITS}
    if len(wanted) != 1:
        return OPERATORS
    weight = sum(OPERATORS[name] for name in _EDITS.values())
    return {**OPERATORS, **{name: weight if name in wanted else 0.0 for name in _EDITS.values()}}


def known_proposers() -> Mapping[str, Callable[..., Proposer]]:
    return {**PROPOSERS, **ASKING}


def choose_asked(options: Options, usual: Sequence[Mapping[str, Any]] = ()) -> tuple[ModelSettings, ...]:
    if not options.models and options.model_file is None:
        for name in ("base_url", "api_key_env", "prices"):
            if getattr(options, name):
                raise TaskError(f"{name} is for models, and there are none: name one with --model")
        return ()
    prices = list(options.prices)
    if options.base_url is None and not prices and "simulated" in (name.partition("=")[0] for name in options.models):
        prices.append("simulated=0/0")
    return choose_models(
        options.models,
        file=Path(options.model_file) if options.model_file is not None else None,
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        prices=prices,
        inside={"simulated"},
        usual=usual,
    )


def make_models(
    models: Sequence[ModelSettings],
    on_notice: Callable[[str], None],
    service: Callable[..., Model] = OpenAIModel,
    *,
    seed: int,
) -> Models:
    """The models of a run with that seed, which is also the simulated one's: runs of other seeds hear other answers."""
    return tuple(
        (
            SimulatedModel(model.name, seed=seed) if answers_here(model) else service(model, on_notice=on_notice),
            model.weight,
        )
        for model in models
    )


def most_of(model: ModelSettings) -> Callable[[Request], Usage]:
    """`Model.most` of a model that is not there."""
    return SimulatedModel(model.name).most if answers_here(model) else model.priced().most


def answers_here(model: ModelSettings) -> bool:
    """Whether it is the one that is simulated in this process."""
    return model.service_name == "simulated" and model.base_url == OPENAI_URL


def models_of(run: Run) -> tuple[ModelSettings, ...]:
    """The models of the last session."""
    tables = run.config.get("models", [])
    for event in run.events("opened"):
        tables = event.get("models", tables)
    return stored_models(tables, run.state / "config.toml")


def moved(model: ModelSettings, **given: str | None) -> ModelSettings:
    """The model, asked somewhere else. Raises `TaskError` for an address that is none."""
    over = {name: value for name, value in given.items() if value is not None}
    return stored_models([{**model.stored(), **over}], Path(f"the model {model.name!r}"))[0]


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


def limits_of(task: Task, given: Mapping[str, Any]) -> Mapping[str, Any]:
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


def workers_of(task: Task) -> int:
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
