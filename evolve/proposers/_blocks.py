"""What an answer of a model holds: SEARCH/REPLACE blocks, hunks of a diff, fenced text; each with the file it names.

Models are asked for one form and send them all, damaged in ways of their own. This reads what is there; whether it can
be applied is another question. Everything is line by line, each line looked at a bounded number of times.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Block", "Broken", "Content", "Fence", "read_answer"]

_LOOKED_AT = 300
"""Characters of a line that can make it a marker, a fence or the name of a file."""

_BEGIN = re.compile(r"<{3,} ?\[?(?:SEARCH|ORIGINAL|OLD|FIND|BEFORE|HEAD)\b[\]:]?(?: +(?P<path>\S+))?$", re.IGNORECASE)
_DIVIDER = re.compile(r"={5,}(?: ?(?:REPLACE|WITH))?$", re.IGNORECASE)
_END = re.compile(r"(?:>{3,} ?\[?(?:REPLACED?|UPDATED|NEW|AFTER|END)\b.{0,60}|>{5,}|<{3,} ?/?REPLACE)$", re.IGNORECASE)
_FENCE = re.compile(r"\s*(?P<ticks>`{3,}|~{3,})\s*(?P<info>[^`]*)$")
_HUNK = re.compile(r"@@(?: |$)")
_FILE = re.compile(r"\*\*\* (?P<kind>Update|Add|Delete) File: (?P<path>\S+)$")
_PATH = re.compile(r"[\w.@+~-]*(?:[/\\][\w.@+~-]+)*\w\.\w{1,10}|[\w.@+~-]*(?:[/\\][\w.@+~-]+)+")
_NAMING = {"file", "filename", "path", "in", "edit", "update", "modify", "title", "the", "new", "create", "change"}
_DIFFS = {"diff", "patch", "udiff"}


@dataclass(frozen=True, slots=True)
class Block:
    """Lines to find, and what comes in their place. `search` and `replace` are as they were sent, without newlines.

    `others` are further ways to part the two, where more than one line could be what divides them. `line` is where in
    the answer it starts. `removes` says that the file is to go.
    """

    path: str | None
    search: tuple[str, ...]
    replace: tuple[str, ...]
    line: int
    others: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    removes: bool = False


@dataclass(frozen=True, slots=True)
class Fence:
    """Text between two fences, and the language that the first one names."""

    path: str | None
    language: str
    lines: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A block that cannot be read: where, and why."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class Content:
    """What was found: blocks when there are any, else fences. `plain` are the lines of an answer with neither."""

    blocks: tuple[Block, ...] = ()
    fences: tuple[Fence, ...] = ()
    broken: tuple[Broken, ...] = ()
    plain: tuple[str, ...] = ()


def read_answer(answer: str, known: Collection[str]) -> Content:
    """The content of an answer about a program whose files are `known`."""
    text = _without_thoughts(answer.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
    content = _read(text.split("\n"), known)
    if content.blocks or content.broken:
        return content
    for way in (_unescaped(text), _unquoted(text)):
        if way is not None and (again := _read(way.split("\n"), known)).blocks:
            return again
    return content


def _without_thoughts(text: str) -> str:
    """What comes after thoughts that a model has not kept to itself."""
    bare = text.lstrip()
    for tag in ("think", "thinking", "thought", "reasoning"):
        if bare.startswith(f"<{tag}>"):
            return bare.partition(f"</{tag}>")[2]
    return text


def _unescaped(text: str) -> str | None:
    return html.unescape(text) if "&lt;&lt;&lt;" in text else None


def _unquoted(text: str) -> str | None:
    """Without the `> ` of a quotation that all of the blocks stand in."""
    if "\n> <<<" not in f"\n{text}":
        return None
    return "\n".join(line[1:].removeprefix(" ") if line.startswith(">") else line for line in text.split("\n"))


def _read(lines: Sequence[str], known: Collection[str]) -> Content:
    kinds = [_kind(line) for line in lines]
    if any(kind in {"begin", "end"} for kind in kinds):
        blocks, broken = _search_blocks(lines, kinds, known)
        if blocks or broken:
            return Content(blocks=tuple(blocks), broken=tuple(broken))
    fences = list(_fences(lines, known))
    hunks = list(_hunks(lines, fences, known))
    if hunks:
        return Content(blocks=tuple(hunks))
    return Content(fences=tuple(fences), plain=() if fences else tuple(lines))


def _kind(line: str) -> str:
    """ "begin", "divider", "end", "fence", or "" for any other line."""
    bare = line[:_LOOKED_AT].strip()
    if not bare or bare[0] not in "<=>`~":
        return ""
    if _BEGIN.match(bare) or (len(bare) >= 5 and not bare.strip("<")):
        return "begin"
    if _DIVIDER.match(bare):
        return "divider"
    if _END.match(bare):
        return "end"
    return "fence" if _FENCE.match(bare) else ""


def _search_blocks(
    lines: Sequence[str], kinds: Sequence[str], known: Collection[str]
) -> tuple[list[Block], list[Broken]]:
    blocks: list[Block] = []
    broken: list[Broken] = []
    at, free = 0, 0  # lines from `free` on belong to no block yet
    while at < len(lines):
        if kinds[at] == "end":
            broken.append(Broken(at + 1, "a REPLACE marker without the SEARCH that it belongs to"))
        if kinds[at] != "begin":
            at += 1
            continue
        dividers, stop = _extent(kinds, at)
        ended = stop < len(lines) and kinds[stop] == "end"
        last = stop if ended else _last_line(kinds, dividers, stop)
        if not dividers:
            if ended or any(line.strip() for line in lines[at + 1 : stop]):
                broken.append(Broken(at + 1, "a SEARCH without the ======= that ends it"))
        elif last is None:
            broken.append(Broken(at + 1, "a block without the >>>>>>> REPLACE that ends it"))
        else:
            begun = _BEGIN.match(lines[at][:_LOOKED_AT].strip())
            path = (begun["path"] if begun else None) or _path_above(lines, free, at, known)
            parts = [(tuple(lines[at + 1 : cut]), tuple(lines[cut + 1 : last])) for cut in dividers[:4]]
            blocks.append(Block(path, *parts[0], line=at + 1, others=tuple(parts[1:])))
            free = last + ended
        at = stop + ended
    return blocks, broken


def _extent(kinds: Sequence[str], at: int) -> tuple[list[int], int]:
    """The lines that may divide the block which begins in line `at`, and the line that ends it or is not its own."""
    dividers: list[int] = []
    stop = at + 1
    while stop < len(kinds) and kinds[stop] not in {"begin", "end"}:
        if kinds[stop] == "divider":
            dividers.append(stop)
        stop += 1
    return dividers, stop


def _last_line(kinds: Sequence[str], dividers: Sequence[int], stop: int) -> int | None:
    """Where a block ends whose end marker is missing: at a fence, or with the answer."""
    after = dividers[0] + 1 if dividers else stop
    closing = next((i for i in range(after, stop) if kinds[i] == "fence"), None)
    return stop if closing is None and stop == len(kinds) else closing


def _path_above(lines: Sequence[str], free: int, at: int, known: Collection[str]) -> str | None:
    """The file that the lines right above line `at` name: a fence, or the nearest line that is not blank."""
    for line in reversed(lines[max(free, at - 4) : at]):
        fence = _FENCE.match(line[:_LOOKED_AT])
        if fence is None and not line.strip():
            continue
        path = _path_in_info(fence["info"], known) if fence else _path_in(line, known)
        if path is not None or fence is None:
            return path
    return None


def _path_in_info(info: str, known: Collection[str]) -> str | None:
    """The file that the first line of a fence names, as in ```python:src/a.py or ```python title="src/a.py"."""
    words = re.split(r"[\s:=,{}]+", info.strip())
    named = [word.strip("\"'()[]") for word in words]
    return next((word for word in named if word in known or _PATH.fullmatch(word)), None)


def _path_in(line: str, known: Collection[str]) -> str | None:
    """The file that a line of prose names: when it says little else, or when it is one of those known."""
    if len(line) > _LOOKED_AT:
        return None
    words = [word.strip(":,;()[]<>!'\"") for word in re.sub(r"[`*\"]", " ", line).split()]
    words = [word for word in words if any(c.isalpha() for c in word)]
    named = [word for word in words if word in known]
    if len(set(named)) == 1 and len(words) <= 8:
        return named[0]
    rest = [word for word in words if word.lower() not in _NAMING]
    return rest[0] if len(rest) == 1 and _PATH.fullmatch(rest[0]) else None


def _fences(lines: Sequence[str], known: Collection[str]) -> Iterator[Fence]:
    """The fenced texts, one after another. One that nobody closes reaches to the end."""
    at, free = 0, 0
    while at < len(lines):
        opening = _FENCE.match(lines[at][:_LOOKED_AT])
        if opening is None:
            at += 1
            continue
        ticks, indent = opening["ticks"], len(lines[at]) - len(lines[at].lstrip())
        stop = at + 1
        while stop < len(lines) and not _closes(lines[stop], ticks):
            stop += 1
        body = [line[indent:] if not line[:indent].strip() else line for line in lines[at + 1 : stop]]
        words = re.split(r"[\s:{=]+", opening["info"].strip())
        path = _path_in_info(opening["info"], known) or _path_above(lines, free, at, known)
        if path is None and body and (first := body[0].strip())[:2] in {"# ", "//", "--", "/*", "<!"}:
            path = _path_in(first, known)
        yield Fence(path, words[0].lower(), tuple(body), at + 1)
        at = free = stop + 1


def _closes(line: str, ticks: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(ticks) and not bare.strip(ticks[0])


def _hunks(lines: Sequence[str], fences: Sequence[Fence], known: Collection[str]) -> Iterator[Block]:
    """The hunks of a diff, in a fence or not, as blocks: what was there, what comes there."""
    for fence in fences:
        if fence.language in _DIFFS or _is_diff(fence.lines):
            yield from _diff(fence.lines, fence.line, fence.path, known, fenced=True)
    if not fences and _is_diff(lines):
        yield from _diff(lines, 0, None, known, fenced=False)


def _is_diff(lines: Sequence[str]) -> bool:
    heads = [line for line in lines if line.startswith(("--- ", "+++ ", "@@", "*** "))]
    return any(_HUNK.match(line) or _FILE.match(line) for line in heads)


def _diff(
    lines: Sequence[str], offset: int, path: str | None, known: Collection[str], *, fenced: bool
) -> Iterator[Block]:
    """`offset` is the line of the answer before the first one; `fenced` says that there is no prose between."""
    hunk, gone = _Hunk(path, offset + 1, inside=fenced), False
    for number, line in enumerate(lines):
        header = _is_header(lines, number)
        if hunk.inside and line[:1] in {"+", "-", " ", ""} and not header:
            hunk.add(line)
        elif hunk.inside and fenced and not header:
            hunk.add(f" {line}")  # the space before it was left out
        elif not line.startswith("\\"):
            yield from hunk.blocks()
            path, inside, removes = _header(line, hunk.path, known)
            gone = removes or (gone and path == hunk.path)
            hunk = _Hunk(path, offset + number + 1, inside=inside and not gone)
            if removes:
                yield Block(path, (), (), hunk.line, removes=True)
    yield from hunk.blocks()


_HEADER = re.compile(r"\\|@@|diff --git |index |\*\*\* ")


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Whether a line is none of a hunk's: one with two more dashes was a comment in some languages."""
    line = lines[number]
    if line.startswith("--- "):
        return number + 1 < len(lines) and lines[number + 1].startswith("+++ ")
    if line.startswith("+++ "):
        return number > 0 and lines[number - 1].startswith("--- ")
    return _HEADER.match(line) is not None


def _header(line: str, path: str | None, known: Collection[str]) -> tuple[str | None, bool, bool]:
    """What a line between hunks says: the file from here on, whether a hunk begins, whether the file is to go."""
    named = _FILE.match(line[:_LOOKED_AT])
    if named:
        return named["path"], True, named["kind"] == "Delete"
    if line.startswith(("--- ", "+++ ")):
        target = line[4:].partition("\t")[0].strip()
        if target == "/dev/null":
            return path, False, line.startswith("+++")
        return (target[2:] if target.startswith(("a/", "b/")) and target not in known else target), False, False
    return path, line.startswith("@@"), False


class _Hunk:
    """Lines of a diff: those that were there, and those that come there."""

    def __init__(self, path: str | None, line: int, *, inside: bool) -> None:
        self.path, self.line, self.inside = path, line, inside
        self._old: list[str] = []
        self._new: list[str] = []

    def add(self, line: str) -> None:
        """A line with its sign; an empty one is one of both."""
        if not line.startswith("+"):
            self._old.append(line[1:])
        if not line.startswith("-"):
            self._new.append(line[1:])

    def blocks(self) -> Iterator[Block]:
        """One, if anything changes."""
        if self._old != self._new:
            yield Block(self.path, tuple(self._old), tuple(self._new), self.line)
