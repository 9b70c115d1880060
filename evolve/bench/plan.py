"""What is compared: policies, tasks, seeds, limits and the model, frozen before the first run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from evolve import forms
from evolve.bench.frozen import simulated_identity
from evolve.bench.policies import Policy
from evolve.errors import RunDamaged, RunExists, StorageError, TaskError
from evolve.options import Options, check_limits
from evolve.services import answers_here, choose_asked

__all__ = ["Order", "Plan", "searcher_identity"]

_ENDING = ("trials", "evaluations", "seconds")
"""Limits that end a search which asks no models."""

_NAMED = ("tasks", "policies")
"""What of a bench may grow."""

_APART = ("bench", "cli", "checks", "testing")
"""Parts of the package on which no run depends."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run to be made: all that a process of its own needs to know."""

    policy: str
    task: str
    """As tables and folders call it."""
    reference: str
    """What finds it again."""
    form: str
    direction: str
    seed: int
    searcher: str
    model: str
    options: Mapping[str, Any]
    limits: Mapping[str, float]

    def file(self, folder: Path) -> Path:
        """Where its rows go."""
        return folder / "data" / self.task / self.policy / f"{self.seed}.parquet"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.policy} on {self.task}, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Each policy on each task with each seed.

    Args:
        policies: at least one, of different names.
        tasks: names of bundled tasks or folders.
        seeds: the seeds of the runs of each policy on each task.
        limits: of each run, where a policy has none of its own.
        options: of each run, where a policy has no others. Unless they or the policy say so, one evaluation and one
            call of a model are under way at a time, so that a seed always gives the same programs.
        form: what kind of task folders they are.
    """

    policies: Sequence[Policy]
    tasks: Sequence[str]
    seeds: Sequence[int]
    limits: Mapping[str, float]
    options: Mapping[str, Any]
    form: str = "native"

    def freeze(self, folder: Path) -> list[Order]:
        """Write what is compared into `folder`, or see that it is what is written there; the runs to make.

        They go seed by seed, so that a bench which is ended early has as many of each. Policies, tasks and seeds may
        be added to those that are there. Raises `RunExists` when what finished runs were made with has changed,
        `TaskError` for what is wrong with the plan, `StorageError` when the disk refuses.
        """
        tasks = [forms.load(reference, self.form) for reference in self.tasks]
        _check_names("policies", [policy.name for policy in self.policies])
        _check_names("tasks", [task.name for task in tasks])
        _check_names("seeds", self.seeds)
        searcher = searcher_identity()
        settled = [self._settled(policy) for policy in self.policies]
        models = {policy.name: _identity(Options(**policy.options)) for policy in settled}
        _write(
            folder / "bench.json",
            {
                "searcher": searcher,
                "tasks": {task.name: task.tree for task in tasks},
                "policies": {
                    policy.name: {"options": policy.options, "limits": policy.limits, "model": models[policy.name]}
                    for policy in settled
                },
            },
        )
        return [
            Order(
                policy=policy.name,
                task=task.name,
                reference=task.reference,
                form=self.form,
                direction=task.settings.task.direction,
                seed=seed,
                searcher=searcher,
                model=models[policy.name],
                options=policy.options,
                limits=policy.limits,
            )
            for seed in self.seeds
            for task in tasks
            for policy in settled
        ]

    def _settled(self, policy: Policy) -> Policy:
        """With what it takes from the plan."""
        options = {"workers": 1, "calls_in_flight": 1, **self.options, **policy.options}
        limits = {**self.limits, **policy.limits}
        if not options.get("models") and options.get("model_file") is None:
            # where nobody is asked, nothing is said of how
            options = {key: value for key, value in options.items() if key not in {"base_url", "api_key_env", "prices"}}
            limits = {key: value for key, value in limits.items() if key not in {"calls", "tokens", "dollars"}}
            if not any(name in limits for name in _ENDING):
                raise TaskError(
                    f"the policy {policy.name!r} asks no models, so calls do not end it: give it or the bench a limit "
                    f"of {', '.join(_ENDING)}"
                )
        if not limits:
            raise TaskError(f"the policy {policy.name!r} has no limit: give --calls, or another one")
        check_limits(limits)
        return replace(policy, options=options, limits=limits)


def _check_names(what: str, names: Sequence[object]) -> None:
    if not names:
        raise TaskError(f"there are no {what} to compare: name at least one")
    if twice := [name for name in names if names.count(name) > 1]:
        raise TaskError(f"{what} has {twice[0]!r} twice: leave one out, or call it otherwise")


def _write(file: Path, now: Mapping[str, Any]) -> None:
    """Write down what is compared, with what was there before."""
    try:
        now = json.loads(json.dumps(now))
        before = json.loads(file.read_text()) if file.exists() else now
        _compare(before, now, file.parent)
        whole = {**now, **{what: before[what] | now[what] for what in _NAMED}}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(whole, indent=1) + "\n")
        part.replace(file)
    except OSError as error:
        raise StorageError(f"cannot write {file}: {error.strerror}") from error
    except (ValueError, KeyError) as error:
        raise RunDamaged(f"{file} is not what `evolve bench run` writes: begin in another folder") from error


def _compare(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raise `RunExists` for what finished runs were made with under the same name and is not the same."""
    made = _finished(folder)
    if made and before["searcher"] != now["searcher"]:
        raise RunExists(
            f"{folder} was begun by {before['searcher']}, and this is {now['searcher']}: runs of the two are not "
            f"comparable; finish it with that one, or begin in another folder"
        )
    for what, names in (("tasks", {task for task, _ in made}), ("policies", {policy for _, policy in made})):
        for name, value in now[what].items():
            if name in names and before[what].get(name, value) != value:
                raise RunExists(
                    f"{folder} holds runs with {name!r}, one of its {what}, as it was: {before[what][name]}. Now it is "
                    f"{value}: call it otherwise, or begin in another folder"
                )


def _finished(folder: Path) -> set[tuple[str, str]]:
    """The tasks and policies of which the bench in `folder` has runs that did not fail."""
    return {
        (file.parts[-3], file.parts[-2])
        for file in folder.glob("data/*/*/*.parquet")
        if (pd.read_parquet(file, columns=["outcome"])["outcome"] == "finished").all()
    }


def _identity(options: Options) -> str:
    """Who is asked, as the raw data says it; "" for nobody."""
    names = []
    for model in choose_asked(options):
        if answers_here(model):
            names.append(simulated_identity())
        else:
            settings = json.dumps(model.stored(), sort_keys=True)
            names.append(
                f"{model.service_name} at {model.base_url} {hashlib.sha256(settings.encode()).hexdigest()[:12]}"
            )
    return ", ".join(names)


def searcher_identity() -> str:
    """Name and version of this package, and a hash of all that a search is made of in it: code and prompts."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if file.is_file() and file.suffix != ".pyc" and name.parts[0] not in _APART:
            digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return f"evolve {version('evolve')} {digest.hexdigest()[:12]}"
