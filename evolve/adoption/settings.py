"""A policy from settings, as a person writes them into a table `[gate]`, and a lineage from the config of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from typing import Any

from evolve.adoption.canary import Share
from evolve.adoption.controller import Adoption
from evolve.adoption.policy import Policy
from evolve.errors import TaskError
from evolve.gates.sequential import Rules

__all__ = ["adoption_of", "policy_of"]

_GATE = {field.name: field for field in fields(Rules) if field.name != "families"}
_POLICY = {field.name: field for field in fields(Policy) if field.name not in {"gate", "canary"}}
_CANARY = {f"canary_{field.name}": field for field in fields(Share)}


def adoption_of(config: Mapping[str, Any], *, where: str = "[gate]") -> Adoption | None:
    """The lineage of a run with that config, of which nothing was told yet; None where it has no gate. The table that a
    run keeps has the families beside what a person writes. Raises as `policy_of`."""
    if "gate" not in config:
        return None
    settings = dict(config["gate"])
    return Adoption(policy_of(settings, settings.pop("families"), where=where), seed=config["seed"])


def policy_of(settings: Mapping[str, Any], families: Sequence[str] = ("",), *, where: str = "[gate]") -> Policy:
    """The policy that `settings` ask for, with the gate's `families`, which the evaluator knows.

    Keys are those of `Rules` and `Policy`; `canary` is false for none, else `canary_every`, `canary_blocks` and
    `canary_level` say what it takes. Raises `TaskError` for a key that is none, a value of another kind, and values
    that contradict each other, naming `where`.
    """
    known = {**_GATE, **_POLICY, **_CANARY}
    if unknown := sorted(settings.keys() - known.keys() - {"canary"}):
        raise TaskError(f"{where} has no key {unknown[0]!r}; there are canary, {', '.join(sorted(known))}")
    for name, value in settings.items():
        default = True if name == "canary" else _default(known[name])
        kinds = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, kinds) or isinstance(value, bool) is not isinstance(default, bool):
            raise TaskError(f"{where} {name} is {value!r}; it is like {default!r}")
    if settings.get("canary") is False and (given := sorted(settings.keys() & _CANARY.keys())):
        raise TaskError(f"{where} has canary = false and {given[0]}: leave one of them out")
    try:
        share = Share(**{known[name].name: value for name, value in settings.items() if name in _CANARY})
        return Policy(
            gate=Rules(families=tuple(families), **{name: settings[name] for name in settings.keys() & _GATE.keys()}),
            canary=None if settings.get("canary") is False else share,
            **{name: settings[name] for name in settings.keys() & _POLICY.keys()},
        )
    except ValueError as error:
        raise TaskError(f"{where}: {error}") from error


def _default(field: Field[Any]) -> object:
    assert field.default is not MISSING
    return field.default
