"""The evolving files of a program, read once per text."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeAlias

from evolve.proposers._source import Change, Source
from evolve.regions import Regions
from evolve.syntax import NUMBER, is_python
from evolve.types import Program

__all__ = ["Reader", "Spans", "plain_numbers", "splice"]

Spans: TypeAlias = tuple[tuple[int, int], ...]

_KEPT = 2**17
"""Characters whose sources are kept: a source takes some hundred times the memory of its text."""


class Reader:
    """Takes programs apart. A search changes the same few parents again and again, so the last sources are kept."""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        self._kept: OrderedDict[tuple[str, Spans], Source | None] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def paths(self, program: Program) -> list[str]:
        """The files in which some text may change."""
        return [path for path in self.regions.paths(program) if self.regions.spans(program, path)]

    def spans(self, program: Program, path: str) -> Spans:
        """Where the text of a file may change."""
        return tuple(self.regions.spans(program, path))

    def source(self, program: Program, path: str) -> Source | None:
        """A Python file taken apart; None for one that is not Python or does not parse."""
        if not is_python(path):
            return None
        key = (program.text(path), self.spans(program, path))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        source = Source.read(*key)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = source
                self._size += len(key[0])
                while self._size > _KEPT and len(self._kept) > 1:
                    (text, _), _ = self._kept.popitem(last=False)
                    self._size -= len(text)
        return source


def splice(text: str, changes: Iterable[Change]) -> str:
    """`text` with these changes; they do not overlap."""
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(changes, key=lambda change: change[:2]):
        pieces += text[at:start], new
        at = end
    return "".join([*pieces, text[at:]])


def plain_numbers(text: str, spans: Spans) -> list[re.Match[str]]:
    """The decimal numbers in a text of any language. Leading zeros may mean octal, so such numbers are left alone."""
    found = [match for start, end in spans for match in NUMBER.finditer(text, start, end)]
    return [match for match in found if not re.match(r"0[0-9xX]", match.group())]
