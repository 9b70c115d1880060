"""Policies: named ways to search, each the options of a search and limits where they differ from the others'."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from evolve.errors import TaskError
from evolve.options import Options, check_limits, check_name
from evolve.policies import make_archive, tuning_settings, with_baseline

__all__ = ["Policy", "parse_policy", "read_policies"]

_LIMITS = ("trials", "evaluations", "seconds", "dollars", "calls", "tokens")
_OPTIONS = {field.name: field for field in fields(Options) if field.name != "seed"}


@dataclass(frozen=True)
class Policy:
    """`options` are fields of `evolve.options.Options` but the seed, `limits` what `evolve run` takes as limits.

    Raises `TaskError`, naming the policy and the key, for what is neither, and for a value that an option cannot have.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        if "," in self.name:
            raise TaskError(f"the policy {self.name!r} has a comma in its name, which `--policies A,B` would part")
        try:
            options = Options(**self.options)
            check_limits(self.limits)
            _check_archives(options)
        except TaskError as error:
            raise TaskError(f"the policy {self.name!r}: {error}") from error


def parse_policy(text: str) -> Policy:
    """A policy as one writes it on a command line: `NAME` or `NAME: option=value option=value ...`.

    A value is what TOML reads there, such as 8, true or ["a", "b"], and else a text.
    """
    name, colon, rest = text.partition(":")
    if not colon and "=" in name:
        raise TaskError(
            f"the policy {text!r} has no name, or none with a colon behind it: write 'NAME: option=value ...'"
        )
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise TaskError(f"the policy {name.strip()!r} has a quote that does not end: {rest.strip()}") from error
    table: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise TaskError(f"the policy {name.strip()!r}: {word!r} is not of the form option=value")
        table[key.replace("-", "_")] = _value(value)
    return _policy(name.strip(), table)


def read_policies(path: Path) -> tuple[Policy, ...]:
    """The `[policy.NAME]` tables of a TOML file, in order. Raises `TaskError`, naming file, policy and key."""
    try:
        document = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError(f"cannot read policies from {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"{path} is no TOML: {error}") from error
    tables = document.get("policy")
    if (
        set(document) != {"policy"}
        or not isinstance(tables, dict)
        or not all(isinstance(t, dict) for t in tables.values())
    ):
        raise TaskError(f"{path} should hold tables [policy.NAME] and nothing else")
    try:
        return tuple(_policy(name, table) for name, table in tables.items())
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from error


def _check_archives(options: Options) -> None:
    """Raise `TaskError` for archives that cannot be made, before each run finds out by itself; a plugin may be there
    only where the runs are."""
    text = "top" if options.archive == "auto" or ":" in options.archive else options.archive
    archive = make_archive(text)
    if options.baseline and ":" not in options.baseline:
        with_baseline(archive, options.baseline)
    if options.tuning != "off":
        tuning_settings(options.tuning)


def _policy(name: str, table: Mapping[str, Any]) -> Policy:
    for key in table:
        if key not in _OPTIONS and key not in _LIMITS:
            close = get_close_matches(key, [*_OPTIONS, *_LIMITS], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"options are {', '.join(_OPTIONS)}"
            why = "the seed is the bench's" if key == "seed" else hint
            raise TaskError(f"the policy {name!r}: there is no option {key!r}; {why}")
    options = {key: _sequence(key, value) for key, value in table.items() if key in _OPTIONS}
    return Policy(name, options, {key: value for key, value in table.items() if key in _LIMITS})


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _sequence(key: str, value: Any) -> Any:
    """A single text where an option is a list of them."""
    return [value] if isinstance(value, str) and isinstance(_OPTIONS[key].default, tuple) else value
