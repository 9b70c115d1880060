"""Reading a `task.toml`, and saying what is wrong in it: the table, the key, and what would be right."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from evolve.errors import TaskError
from evolve.tables import TaskFile

__all__ = ["settings_over"]


def settings_over(given: Mapping[str, Mapping[str, Any]], path: Path) -> TaskFile:
    """The settings `given` by table and key, with those of the `task.toml` at `path` over them, where there is one.

    Raises `TaskError` with what is wrong in that file.
    """
    own = _table(path) if path.exists() else {}
    tables = {name: table for name, table in own.items() if isinstance(table, dict)}
    merged = {name: {**given.get(name, {}), **tables.get(name, {})} for name in {**given, **tables}}
    return _validated({**own, **merged}, path)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"{path} is no valid TOML: {error}") from error


def _validated(table: Mapping[str, Any], path: Path) -> TaskFile:
    try:
        return TaskFile.model_validate(table)
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(detail)}" for detail in error.errors())
        raise TaskError(f"{path} has a mistake:\n{problems}") from error


def _problem(detail: Any) -> str:
    """One mistake in words: the table, the key, what is wrong and what would be right."""
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return _unknown(place, is_table=isinstance(detail["input"], dict))
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else ""
    message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if detail["type"] == "model_type":
        message = f"is a table, so write [{place[0]}] and its keys below"
    if detail["type"] == "list_type":
        message = 'should be a list, such as ["a", "b"]'
    if isinstance(detail["input"], dict):
        return f"{where}: {message}" if where else message
    return f"{where}: {message} (it is {reprlib.repr(detail['input'])})"


def _unknown(place: list[str], *, is_table: bool) -> str:
    """What to do about a key, or a table, that is not known where it stands."""
    *tables, key = place
    keys = {name: _keys(name) for name in TaskFile.model_fields}
    if not tables and is_table:
        close = get_close_matches(key, keys, n=1)
        return f"[{key}]: unknown; " + (f"did you mean [{close[0]}]?" if close else f"there are [{'], ['.join(keys)}]")
    where = f"[{tables[0]}] {key}: unknown here" if tables else f"{key}: stands in no table"
    owners = [f"[{name}]" for name, known in keys.items() if key in known]
    if owners:
        return f"{where}; it belongs to {' or '.join(owners)}"
    known = keys[tables[0]] if tables else [name for names in keys.values() for name in names]
    close = get_close_matches(key, known, n=1)
    return f"{where}; " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}")


def _keys(table: str) -> list[str]:
    model = TaskFile.model_fields[table].annotation
    # a table whose keys are the user's own has none to know
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
