"""The evolving files of a program, read once per text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from evolve.proposers._source import Change, Source
from evolve.regions import Regions
from evolve.syntax import NUMBER, is_python
from evolve.types import Program

__all__ = ["Reader", "plain_numbers", "splice"]


class Reader:
    """Takes programs apart. A search changes the same few parents again and again, so the last sources are kept."""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        self._source = lru_cache(maxsize=32)(Source.read)

    def paths(self, program: Program) -> list[str]:
        """The files in which some text may change."""
        return [path for path in self.regions.paths(program) if self.regions.spans(program, path)]

    def spans(self, program: Program, path: str) -> tuple[tuple[int, int], ...]:
        """Where the text of a file may change."""
        return tuple(self.regions.spans(program, path))

    def source(self, program: Program, path: str) -> Source | None:
        """A Python file taken apart; None for one that is not Python or does not parse."""
        return self._source(program.text(path), self.spans(program, path)) if is_python(path) else None


def splice(text: str, changes: Iterable[Change]) -> str:
    """`text` with these changes; they do not overlap."""
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(changes, key=lambda change: change[:2]):
        pieces += text[at:start], new
        at = end
    return "".join([*pieces, text[at:]])


def plain_numbers(text: str, spans: tuple[tuple[int, int], ...]) -> list[re.Match[str]]:
    """The decimal numbers in a text of any language. Leading zeros may mean octal, so such numbers are left alone."""
    found = [match for start, end in spans for match in NUMBER.finditer(text, start, end)]
    return [match for match in found if not re.match(r"0[0-9xX]", match.group())]
