"""Numeric literals lifted to parameters, and written back."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evolve.proposers._dice import decimal, number_text
from evolve.proposers._reader import Reader, plain_numbers, splice
from evolve.proposers._sites import SIGN, Site
from evolve.proposers._source import Change
from evolve.proposers._terms import value_of
from evolve.types import Program

__all__ = ["Literal", "lift", "told", "write"]

_LARGEST = 1e15

_BOUND = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_TUNE = re.compile(rf"(?:#|//|/\*|--|;|%)\s*tune:\s*(?:(on|off)\b|{_BOUND}\.\.{_BOUND}(?![\w.]))")
"""What is said of the numbers before it on its line; `evolve.proposers.annotations` says what is nearly so."""

_SEED = re.compile(r"(?:\w+_)?seeds?(?:_\w+)?|random_state", re.IGNORECASE)
_SIZE = re.compile(r"n|n_\w+|num_\w+|(?:\w+_)?(?:size|shape|dims?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number in the text of a program."""

    path: str
    start: int
    end: int
    value: float
    integer: bool
    """It is an integer, and stays one."""
    bare: bool
    """A minus sign may stand here without parentheses."""
    signed: bool
    """A minus sign may stand here at all."""
    low: float = -_LARGEST
    high: float = _LARGEST
    fixed: bool = False
    """It is left as it is."""

    def text(self, value: float) -> str:
        """`value` as a literal for this place, with four significant digits."""
        whole = isinstance(self.value, int) and float(value).is_integer()
        text = str(int(value)) if whole else number_text(decimal(value))
        return text if self.bare or not text.startswith("-") else f"({text})"

    def round(self, value: float) -> float:
        """The value that is written for `value`: whole for an integer, and always from `low` to `high`."""
        value = value if math.isfinite(value) else 0.0
        value = min(max(value if self.signed else abs(value), self.low), self.high)
        if self.integer:
            return min(max(round(value), math.ceil(self.low)), math.floor(self.high))
        return min(max(decimal(value), self.low), self.high)


def lift(reader: Reader, program: Program) -> list[Literal]:
    """The numeric literals of the evolving regions, in the order of the text. True and False are none.

    Integers stay integers. A comment on the line of literals, behind them, says how far they may go, as
    ``# tune: 0.1..0.9``, that they are to be left alone, ``# tune: off``, or that they are not, ``# tune: on``. An
    integer whose range has an end with a point may become a float, unless its place wants an integer: an index, a size,
    a number of digits. Without a comment, seeds and sizes are fixed: integers that are called so, and those in capitals
    whose place wants one. Of a language whose grammar is not known only the comments count, and places of integers all
    want one.
    """
    literals: list[Literal] = []
    for path in reader.paths(program):
        source = reader.source(program, path)
        if source is None:
            text = program.text(path)
            found = [_plain(path, match) for match in plain_numbers(text, reader.spans(program, path))]
            literals += [_as_told(literal, text, fixed=False, wanted=literal.integer) for literal in found]
            continue
        for site in source.literals:
            start, end = source.span(site.node)
            value = value_of(site.node)
            if math.isfinite(value):
                bare = site.need <= SIGN or source.enclosed(start, end)
                literal = Literal(path, start, end, value, isinstance(value, int), bare=bare, signed=True)
                fixed = _left_alone(literal, site)
                literals.append(_as_told(literal, source.text, fixed=fixed, wanted=site.integer))
    return sorted(literals, key=lambda literal: (literal.path, literal.start))


def _plain(path: str, match: re.Match[str]) -> Literal:
    """A number in a language whose grammar is not known: an integer stays one, and no sign is written."""
    text = match.group()
    value = int(text) if text.isdigit() else float(text)
    return Literal(path, *match.span(), value, integer=isinstance(value, int), bare=True, signed=False)


def _left_alone(literal: Literal, site: Site) -> bool:
    """Whether a literal is a seed or a size, by what it is called."""
    if not isinstance(literal.value, int):
        return False
    return bool(_SEED.fullmatch(site.name) or _SIZE.fullmatch(site.name)) or (site.integer and site.name.isupper())


def _as_told(literal: Literal, text: str, *, fixed: bool, wanted: bool) -> Literal:
    """The literal with what a comment on its line says of it; an integer is `wanted` where nothing else can stand."""
    found = told(text, literal.end)
    if found is None:
        return replace(literal, fixed=True) if fixed else literal
    word, *ends = found.groups()
    if word:
        return replace(literal, fixed=word == "off")
    low, high = _inside(float(ends[0]), 1), _inside(float(ends[1]), -1)
    integer = isinstance(literal.value, int) and (wanted or all(end.lstrip("+-").isdigit() for end in ends))
    if low > high or (integer and math.ceil(low) > math.floor(high)):  # nothing lies in it
        return replace(literal, fixed=True)
    return replace(literal, low=low, high=high, integer=integer)


def told(text: str, start: int) -> re.Match[str] | None:
    """The comment for the tuner that comes first on the rest of this line: a word, or two ends of a range."""
    if "tune:" not in text:
        return None
    end = text.find("\n", start)
    return _TUNE.search(text, start, len(text) if end < 0 else end)


def _inside(bound: float, way: int) -> float:
    """The bound, or where it has more digits than are written, the next number in that direction that has not."""
    bound = min(max(bound, -_LARGEST), _LARGEST)
    written = decimal(bound)
    if (written - bound) * way >= 0:
        return written
    return decimal(bound + way * 10.0 ** (math.floor(math.log10(abs(bound))) - 3))


def write(program: Program, literals: Sequence[Literal], values: Sequence[float]) -> Program:
    """`program` with each literal replaced by its value."""
    changes: dict[str, list[Change]] = {}
    for literal, value in zip(literals, values, strict=True):
        if value != literal.value or type(value) is not type(literal.value):
            changes.setdefault(literal.path, []).append((literal.start, literal.end, literal.text(value)))
    return program.replace({path: splice(program.text(path), edits).encode() for path, edits in changes.items()})
