"""Proposers and archives by name, and what is said when one of a user's breaks its contract."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from evolve.errors import EvolveError, PluginError, TaskError
from evolve.types import Archive, Context, Plan, Program, Proposal, Proposer, Selection, Trial, Usage, lane_problem

__all__ = ["broken", "chosen", "find", "guarded", "make", "planned"]

if TYPE_CHECKING:
    import numpy as np

Plugin = TypeVar("Plugin")


def find(kind: str, name: str, known: Mapping[str, Callable[..., Plugin]]) -> Callable[..., Plugin]:
    """What a name of `known`, or "module:attribute", stands for. Raises `TaskError`."""
    if name in known:
        return known[name]
    module, _, attribute = name.partition(":")
    if not attribute or not module:
        raise TaskError(f"there is no {kind} {name!r}; there are {', '.join(known)}, and yours as module:attribute")
    try:
        found: Callable[..., Plugin] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise TaskError(
            f"the {kind} {name!r} cannot be imported: {error}; start `evolve` in the folder that has the module, or "
            f"name that folder in PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise TaskError(f"the {kind} {name!r} cannot be imported: {error}") from error
    except Exception as error:  # the module is a user's
        raise TaskError(f"the {kind} {name!r} cannot be imported: {_told(error)}") from error
    if not callable(found):
        raise TaskError(f"the {kind} {name!r} is no class and no function, but {found!r:.100}")
    return found


def make(
    kind: str,
    name: str,
    known: Mapping[str, Callable[..., Plugin]],
    methods: Sequence[str],
    *arguments: object,
    **settings: object,
) -> Plugin:
    """What the plugin of that name makes of `arguments`, which has these methods. Raises `TaskError`, and what one of
    ours raises."""
    maker = find(kind, name, known)
    if name in known:
        return maker(*arguments, **settings)
    given = [*(type(argument).__name__ for argument in arguments), *(f"{key}={v!r}" for key, v in settings.items())]
    wanted = f"{name}({', '.join(given)})"
    try:
        made = maker(*arguments, **settings)
    except EvolveError:
        raise
    except Exception as error:  # the plugin is a user's
        raise TaskError(f"the {kind} {name!r} cannot be made: {wanted} raised {_told(error)}") from error
    missing = [method for method in methods if isinstance(made, type) or not callable(getattr(made, method, None))]
    if missing:
        what = f"the class {made.__name__}" if isinstance(made, type) else f"{made!r:.100}"
        raise TaskError(
            f"the {kind} {name!r} is none: {wanted} gave {what}, without the method{'s' * (len(missing) > 1)} "
            f"{' and '.join(missing)}; evolve.types.{kind.capitalize()} says what they do"
        )
    return made


@contextmanager
def guarded(kind: str, plugin: object, doing: str) -> Iterator[None]:
    """Code of a plugin runs inside: what it raises on no purpose of ours becomes a `PluginError` that names it."""
    try:
        yield
    except EvolveError:
        raise
    except Exception as error:  # the plugin is a user's
        raise broken(kind, plugin, doing, f"raised {_told(error)}") from error


def broken(kind: str, plugin: object, doing: str, problem: str) -> PluginError:
    """The error that says that a plugin broke its contract."""
    name = f"{type(plugin).__module__}:{type(plugin).__qualname__}"
    return PluginError(f"the {kind} {name} {problem}, {doing}; mend it, then resume the run")


def chosen(archive: Archive, rng: np.random.Generator, number: int) -> Selection:
    """What the archive offers for the trial of that number. Raises `PluginError` when it is no selection."""
    doing = f"asked for trial {number}"
    with guarded("archive", archive, doing):
        selection = archive.sample(rng)
    if not isinstance(selection, Selection) or not selection.parents:
        raise broken("archive", archive, doing, f"gave {selection!r:.100} instead of a Selection with a parent")
    for name, trials in (("parents", selection.parents), ("inspirations", selection.inspirations)):
        if not isinstance(trials, tuple) or not all(isinstance(trial, Trial) for trial in trials):
            raise broken(
                "archive", archive, doing, f"gave a selection whose {name} are {trials!r:.100}, no tuple of trials"
            )
    for name in ("lane", "operator"):
        if not isinstance(value := getattr(selection, name), str):
            raise broken("archive", archive, doing, f"gave a selection whose {name} is {value!r:.100}, no text")
    lane = selection.lane
    if lane and (problem := lane_problem(lane)):
        raise broken("archive", archive, doing, f"gave {lane!r:.100} for the name of a lane: {problem}")
    return selection


def planned(proposer: Proposer, selection: Selection, context: Context) -> Plan:
    """The proposer's plan, whose work gives a proposal or raises: `PluginError`, or an `EvolveError` of its own."""
    doing = f"asked for trial {context.number}"
    with guarded("proposer", proposer, doing):
        plan = proposer.plan(selection, context)
    if not callable(plan):
        raise broken("proposer", proposer, doing, f"gave {plan!r:.100} instead of a plan, a function without arguments")
    return partial(_carry_out, proposer, plan, doing)


def _carry_out(proposer: Proposer, plan: Plan, doing: str) -> Proposal:
    with guarded("proposer", proposer, doing):
        proposal = plan()
    if problem := _problem(proposal):
        raise broken("proposer", proposer, doing, problem)
    with guarded("proposer", proposer, doing):
        _ = proposal.program.tree  # raises when contents are no bytes
        if proposal.note:
            json.dumps(dict(proposal.note), allow_nan=False)
    return proposal


def _problem(proposal: object) -> str:
    """What a proposer's answer is instead of a proposal, "" for one that is whole."""
    if not isinstance(proposal, Proposal):
        return f"gave {proposal!r:.100} instead of a Proposal"
    for name, kind in _FIELDS.items():
        if not isinstance(value := getattr(proposal, name), kind):
            return f"gave a proposal whose {name} is {value!r:.100}, not of type {kind.__name__}"
    if not proposal.parents or not all(type(parent) is int for parent in proposal.parents):
        return f"gave a proposal whose parents are {proposal.parents!r:.100}, not numbers of trials"
    used = proposal.usage
    if min(used.calls, used.input_tokens, used.output_tokens, used.nanodollars, used.evaluations) < 0:
        return f"gave a proposal whose usage is negative, {used}"
    return ""


_FIELDS: dict[str, type] = {
    "program": Program,
    "parents": tuple,
    "operator": str,
    "summary": str,
    "usage": Usage,
    "note": Mapping,
    "rejected": str,
}


def _told(error: Exception) -> str:
    """An error in one line, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
