"""docs/task-format.md tells of the same tables, keys, types and defaults as the settings that are read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from evolve.evaluation.native import EVALUATOR_LIMITS
from evolve.tables import TaskFile

PAGE = (Path(__file__).parent.parent / "docs" / "task-format.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## \[(\w+)\]\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))
WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


def tables() -> dict[str, type[BaseModel]]:
    """The tables whose keys are known."""
    fields = {name: field.annotation for name, field in TaskFile.model_fields.items()}
    return {name: kind for name, kind in fields.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}


def kind(schema: dict[str, Any]) -> str:
    """The type of a key in words, from its JSON schema."""
    if "anyOf" in schema:
        return " or ".join(kind(each) for each in schema["anyOf"] if each["type"] != "null")
    if "enum" in schema:
        return " or ".join(f'`"{value}"`' for value in schema["enum"])
    if schema["type"] == "array":
        return f"list of {kind(schema['items'])}"
    return WORDS[schema["type"]] + (" above 0" if schema.get("exclusiveMinimum") == 0 else "")


def default(schema: dict[str, Any]) -> str:
    """A default as TOML has it."""
    return "none" if schema["default"] is None else f"`{json.dumps(schema['default'])}`"


def test_every_table_has_a_section() -> None:
    """In the order in which they are read, and no other has."""
    assert list(SECTIONS) == list(TaskFile.model_fields)


@pytest.mark.parametrize("name", tables())
def test_every_key_is_told_as_it_is(name: str) -> None:
    """Each once, in order, with its type and its default; and with some words of what it means."""
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+) \|$", SECTIONS[name], re.MULTILINE)
    schemas = tables()[name].model_json_schema()["properties"]
    assert [row[:3] for row in rows] == [(key, kind(schema), default(schema)) for key, schema in schemas.items()]
    assert all(len(meaning) > 10 for *_, meaning in rows)


def test_the_limits_of_an_evaluator_are_told_as_they_are() -> None:
    """They are no keys, so they stand in a sentence."""
    limits = EVALUATOR_LIMITS
    assert f"{limits.memory_bytes >> 30} GiB of memory, {limits.disk_bytes >> 30} GiB of files" in PAGE
    assert f"{limits.processes}\nprocesses, {limits.open_files} open files" in PAGE
