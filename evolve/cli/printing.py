"""How verbs print: aligned columns for people, JSON for programs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

__all__ = ["figure", "one_line", "print_fields", "print_json", "print_table"]


def figure(value: float | None) -> str:
    """A number as people read it; "-" for none."""
    if value is None or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def one_line(text: str) -> str:
    """`text` without line ends and control characters, which could rewrite the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def print_json(value: object) -> None:
    """One JSON document; NaN and infinity, which JSON does not know, must have been turned to None before."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_fields(fields: Mapping[str, Any]) -> None:
    """One name and value a line; what is empty is left out."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in {None, ""}:
            first, *rest = str(value).splitlines() or [""]
            click.echo(f"{name:{width}}  {first}")
            for line in rest:
                click.echo(f"{'':{width}}  {line}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[float | str | None]]) -> None:
    """Columns with a head; numbers to the right, and on a terminal the last column cut to fit."""
    right = [any(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
    cells = [list(columns), *([c if isinstance(c, str) else figure(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for row in cells:
        padded = [f"{cell:>{w}}" if r else f"{cell:{w}}" for cell, w, r in zip(row, widths, right, strict=True)]
        line = "  ".join(padded).rstrip()
        click.echo(line[: room - 1] + "…" if 0 < room < len(line) else line)
