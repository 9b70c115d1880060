"""Numeric literals lifted to parameters, and written back."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from evolve.proposers._dice import decimal, number_text
from evolve.proposers._reader import Reader, plain_numbers, splice
from evolve.proposers._sites import SIGN
from evolve.proposers._source import Change
from evolve.proposers._terms import value_of
from evolve.types import Program

__all__ = ["Literal", "lift", "write"]

_LARGEST = 1e15

_FINE = 10
"""Integers from here on stay integers. On bin packing that was as good as floats or better (2.99 % against 3.08 % in
150 trials, median of 10 seeds), and it reads better; for a small number, steps of 1 can be too coarse."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in the text of a program."""

    path: str
    start: int
    end: int
    value: float
    integer: bool
    """Its place wants an integer: an index, a size, a number of digits."""
    bare: bool
    """A minus sign may stand here without parentheses."""
    signed: bool
    """A minus sign may stand here at all."""

    def text(self, value: float) -> str:
        """`value` as a literal for this place, with four significant digits."""
        whole = isinstance(self.value, int) and float(value).is_integer()
        text = str(int(value)) if whole else number_text(decimal(value))
        return text if self.bare or not text.startswith("-") else f"({text})"

    def round(self, value: float, *, integers: bool) -> float:
        """The value that is written for `value`: an integer where the place wants one, or where the literal is one and
        steps of 1 are fine enough. With `integers`, every integer literal stays one.
        """
        value = min(max(value, -_LARGEST), _LARGEST) if math.isfinite(value) else 0.0
        if not self.signed:
            value = abs(value)
        if self.integer or (isinstance(self.value, int) and (integers or abs(self.value) >= _FINE)):
            return round(value)
        return decimal(value)


def lift(reader: Reader, program: Program) -> list[Literal]:
    """The numeric literals of the evolving regions, in the order of the text. True and False are none."""
    literals: list[Literal] = []
    for path in reader.paths(program):
        source = reader.source(program, path)
        if source is None:
            text = program.text(path)
            literals += [_plain(path, match) for match in plain_numbers(text, reader.spans(program, path))]
            continue
        for site in source.literals:
            start, end = source.span(site.node)
            value = value_of(site.node)
            if math.isfinite(value):
                integer = site.integer and isinstance(value, int)
                bare = site.need <= SIGN or source.enclosed(start, end)
                literals.append(Literal(path, start, end, value, integer, bare=bare, signed=True))
    return sorted(literals, key=lambda literal: (literal.path, literal.start))


def _plain(path: str, match: re.Match[str]) -> Literal:
    """A number in a language whose grammar is not known: an integer stays one, and no sign is written."""
    text = match.group()
    value = int(text) if text.isdigit() else float(text)
    return Literal(path, *match.span(), value, integer=isinstance(value, int), bare=True, signed=False)


def write(program: Program, literals: Sequence[Literal], values: Sequence[float]) -> Program:
    """`program` with each literal replaced by its value."""
    changes: dict[str, list[Change]] = {}
    for literal, value in zip(literals, values, strict=True):
        if value != literal.value or type(value) is not type(literal.value):
            changes.setdefault(literal.path, []).append((literal.start, literal.end, literal.text(value)))
    return program.replace({path: splice(program.text(path), edits).encode() for path, edits in changes.items()})
