"""Comments for the tuner that it can make nothing of: a person who wrote one should hear of it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evolve.proposers._lift import Literal, lift, told
from evolve.proposers._reader import Reader
from evolve.regions import Regions
from evolve.syntax import is_python, parse
from evolve.types import Program

__all__ = ["Unread", "unread"]

_MEANT = re.compile(r"(?:#|//|/\*|--|;|%)[ \t]*tune[ \t]*(?::|=?[ \t]*(?=[-+.\d]+[ \t]*\.\.))", re.IGNORECASE)
"""What opens a comment for the tuner, or was meant to."""
_SHOWN = 60  # characters of a comment


@dataclass(frozen=True, slots=True)
class Unread:
    """A comment for the tuner in a file at `path` that does nothing: why, and what to do about it."""

    path: str
    line: int
    """From 1."""
    comment: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.comment!r} {self.problem}; {self.fix}"


def unread(regions: Regions, program: Program) -> list[Unread]:
    """The comments for the tuner in `program` that do nothing, of which some text may change within `regions`.

    They cannot be understood, stand behind no number that may change, or leave no value to one. `_lift.lift` says what
    such comments mean.
    """
    meant = [
        (path, text, match)
        for path, text in sorted(_texts(program))
        for start, end in _comments(path, text)
        for match in _MEANT.finditer(text, start, end)
    ]
    literals = lift(Reader(regions), program) if meant else []
    found = []
    for path, text, match in meant:
        start = match.start()
        behind = [each for each in literals if each.path == path and _told_at(text, each.end) == start]
        if why := _why_not(text, start, behind):
            comment = text[start:].splitlines()[0].strip()[:_SHOWN]
            found.append(Unread(path, text.count("\n", 0, start) + 1, comment, *why))
    return found


def _texts(program: Program) -> Iterator[tuple[str, str]]:
    for path, content in program.files.items():
        try:
            text = content.decode()
        except UnicodeDecodeError:
            continue
        if "tune" in text.lower():
            yield path, text


def _comments(path: str, text: str) -> list[tuple[int, int]]:
    """Where comments may stand: of Python that can be read where they do, not in its strings; else anywhere."""
    anywhere = [(0, len(text))]
    if not is_python(path) or parse(text) is None:
        return anywhere
    try:
        tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
    except (tokenize.TokenError, SyntaxError):
        return anywhere
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    places = [(starts[token.start[0] - 1] + token.start[1], len(token.string)) for token in comments]
    return [(start, start + length) for start, length in places]


def _told_at(text: str, end: int) -> int:
    """Where the comment begins that speaks of a number which ends there; -1 where there is none."""
    found = told(text, end)
    return -1 if found is None else found.start()


def _why_not(text: str, start: int, behind: Sequence[Literal]) -> tuple[str, str] | None:
    """What is wrong with the comment that begins at `start`, and how to mend it; None for one that does something."""
    said = told(text, start)
    if said is None or said.start() != start:
        return "is not understood", "write tune: on, tune: off, or a range without spaces, as in tune: 0.1..0.9"
    if not behind:
        return "does nothing, since no number that may change stands before it on its line", "put it behind one"
    if said[1] or not all(literal.fixed for literal in behind):
        return None
    if float(said[2]) > float(said[3]):
        return "is a range without a value", "write its lower end first"
    return "is a range without a whole number", "give it a larger one, or write the number with a point"
