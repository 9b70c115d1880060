"""Proposers by name, and what those that ask models are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from evolve.adoption.controller import Adoption
from evolve.errors import TaskError
from evolve.options import Options
from evolve.plugins import find, make
from evolve.proposers._prompts import read_prompts
from evolve.proposers.crossover import Crossover
from evolve.proposers.llm import LLM, OPERATORS
from evolve.proposers.mix import Mix
from evolve.proposers.mutation import Mutation
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.scaffolds import read_scaffold
from evolve.services import Models
from evolve.task import Task
from evolve.types import Program, Proposer, Sandbox

__all__ = ["ASKING", "PROPOSERS", "find_proposer", "kept_of", "make_proposer", "told_of"]

PROPOSERS: dict[str, Callable[[Regions], Proposer]] = {
    "mutation": Mutation,
    "crossover": Crossover,
    "tuner": Tuner,
    "mix": Mix.default,
}
"""Proposers by name; each edits the user's own program by rules of ours. A plugin is named "module:attribute"."""

ASKING: dict[str, Callable[..., Proposer]] = {"llm": LLM, "scaffold": ScaffoldProposer, "adopted": ScaffoldProposer}
"""Proposers that ask models, by name: they are given regions, models and what `told_of` says. A plugin is given
the models too, when the run has some. With "adopted" a search for scaffolds has the one that it has adopted propose."""

_EDITS = {"diff": "edit", "full": "rewrite"}
"""Forms of changes as other tools call them, and the operators that ask for them."""


def find_proposer(name: str) -> Callable[..., Proposer]:
    """What makes the proposer of that name. Raises `TaskError` when there is none."""
    return find("proposer", name, {**PROPOSERS, **ASKING})


def make_proposer(name: str, regions: Regions, models: Models, told: Mapping[str, Any]) -> Proposer:
    """The proposer of that name; one of `ASKING` is told all of `told`. Raises `TaskError`."""
    if name in ASKING:
        return ASKING[name](regions, models, **told)
    given = (regions, models) if models and name not in PROPOSERS else (regions,)
    return make("proposer", name, {**PROPOSERS, **ASKING}, ("plan", "tell"), *given)


def kept_of(options: Options, task: Task) -> dict[str, Any]:
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


def told_of(
    task: Task, config: Mapping[str, Any], seed: Program, sandbox: Sandbox | None, adoption: Adoption | None
) -> dict[str, Any]:
    """What a proposer of ours that asks models is told: of the task, and what the run keeps.

    Raises `TaskError` when the adopted scaffold is to propose, and none is ever adopted.
    """
    told = {"task": task.settings.task.description, "direction": task.settings.task.direction}
    if config["proposer"] == "adopted":
        if adoption is None:
            raise TaskError("the proposer 'adopted' is for a task with [gate] in its task.toml: leave it out")
        return {**told, "program": seed, "sandbox": sandbox, "adopted": adoption.proposer}
    if "scaffold" not in config:
        operators = config.get("operators", OPERATORS)
        return {**told, "templates": config["prompts"], "ensemble": config["ensemble"], "operators": operators}
    kept = config["scaffold"]
    files = {path: text.encode() for path, text in kept["files"].items()}
    program = Program(files, frozenset(kept["executables"]))
    return {**told, "program": program, "sandbox": sandbox, "evaluations": kept.get("evaluations", 0)}


def _operators(task: Task) -> Mapping[str, float]:
    """How often each is asked for; where another tool's configuration wants one form of changes alone, that one."""
    wanted = {_EDITS[name] for name in task.form.edits if name in _EDITS}
    if len(wanted) != 1:
        return OPERATORS
    weight = sum(OPERATORS[name] for name in _EDITS.values())
    return {**OPERATORS, **{name: weight if name in wanted else 0.0 for name in _EDITS.values()}}
