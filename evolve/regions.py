"""Regions: which text of a program may change.

A region is what stands between two marker lines, in the comment syntax of whatever language the file is in:

    # EVOLVE-BLOCK-START
    def priority(item, remaining): ...
    # EVOLVE-BLOCK-END

All that lies outside (the marker lines, the other files, the modes) is frozen, and a program that differs from the seed
there is rejected, whoever made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from evolve.errors import TaskError
from evolve.types import Program

__all__ = ["Regions"]

_WORD = "EVOLVE-BLOCK-"
# What opens a comment is punctuation (#, //, /*, --, ;, %, <!--, ') or one of these words. Anything else before the
# marker means that the line talks about markers instead of being one; so does a quote around it.
_MARKER = re.compile(r"""(?:[^\w"`\n]|\b(?:REM|rem|Rem|dnl|C|c)\b)*EVOLVE-BLOCK-(?P<kind>START|END)(?![\w"'`-])""")
_ALMOST = re.compile(r"(?mi)^[^\w\"'`\n]*(?:REM\b|dnl\b)?[^\w\"'`\n]*EVOLVE[-_ ]?BLOCK[-_ ]?(?:START|BEGIN|END|STOP)\b")


class Regions:
    """What may change of a seed program.

    In files of the seed with markers, only the text between them may change. Files without markers may change as a
    whole when a glob of `editable` matches their path (`*` and `?` stay within one part of the path, `**` spans any
    number of parts); such globs also allow files to be added and removed. With no marker in any file and no glob, every
    file of the seed may change as a whole.

    `max_bytes` bounds the size of all files together (default: 1 MiB, or 4 times the seed where that is more), and
    `max_files` their number (default: 256, or 4 times the seed's).

    Raises `TaskError` when the seed's markers are unbalanced, nested or misspelt, and when nothing at all may change.
    """

    def __init__(
        self,
        seed: Program,
        editable: Sequence[str] = (),
        *,
        max_bytes: int | None = None,
        max_files: int | None = None,
    ) -> None:
        self._seed = seed
        self._max_bytes = max(2**20, 4 * _size(seed)) if max_bytes is None else max_bytes
        self._max_files = max(256, 4 * len(seed.files)) if max_files is None else max_files
        self._skeletons: dict[str, tuple[str, ...]] = {}
        # path -> the frozen text, in order; between two neighbours lies one region
        for path in sorted(seed.files):
            if skeleton := _skeleton_of_seed(path, seed.files[path]):
                self._skeletons[path] = skeleton
        self._globs = tuple(_glob(pattern) for pattern in editable)
        everything = not self._skeletons and not self._globs
        self._whole = frozenset(
            path for path in seed.files if path not in self._skeletons and (everything or self._may_appear(path))
        )
        if not self._skeletons and not self._whole:
            listed = ", ".join(repr(pattern) for pattern in editable)
            raise TaskError(
                f"no file of the seed may change: {listed or 'it has no files'} matches none of "
                f"{sorted(seed.files)} and no file has EVOLVE-BLOCK markers; correct `editable` or mark a region"
            )

    def paths(self, program: Program) -> tuple[str, ...]:
        """The files of `program` that may change, in part or as a whole, sorted."""
        return tuple(
            path
            for path in sorted(program.files)
            if path in self._skeletons
            or path in self._whole
            or (path not in self._seed.files and self._may_appear(path))
        )

    def spans(self, program: Program, path: str) -> list[tuple[int, int]]:
        """Where the text of the file at `path` may change: (start, end) offsets in characters of `program.text(path)`.

        Text put in place of a span keeps the program valid unless it holds a marker line. The newline that ends a
        region's last line is left outside its span; a region without a line is an empty span, and what is put there
        must end in a newline. Nothing may change in a file that is not text or whose markers are not the seed's.
        """
        content = program.files.get(path)
        if content is None:
            return []
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return []
        skeleton = self._skeletons.get(path)
        if skeleton is None:
            if path in self._whole or (path not in self._seed.files and self._may_appear(path)):
                return [(0, len(text))]
            return []
        pieces = _pieces(text)
        if isinstance(pieces, str) or len(pieces) != len(skeleton):
            return []
        return [(end, max(end, start - 1)) for (_, end), (start, _) in pairwise(pieces)]

    def problem(self, program: Program) -> str | None:
        """Why `program` is rejected, or None when it changes nothing but what may change."""
        return self.too_large(program) or self._changed(program) or self._added(program)

    def too_large(self, program: Program) -> str | None:
        """How `program` passes a limit on its size, or None when it passes none."""
        if (number := len(program.files)) > self._max_files:
            return f"the program has {number} files, more than the {self._max_files} allowed"
        if (size := _size(program)) > self._max_bytes:
            return f"the program has {size} bytes, more than the {self._max_bytes} allowed"
        return None

    def _changed(self, program: Program) -> str | None:
        for path, content in self._seed.files.items():
            if path not in program.files:
                if path in self._whole and self._globs:
                    continue
                return f"{path} was removed"
            if program.mode(path) != self._seed.mode(path):
                return f"the mode of {path} was changed"
            if program.files[path] != content and (problem := self._changed_file(path, program.files[path])):
                return problem
        return None

    def _added(self, program: Program) -> str | None:
        for path in sorted(program.files.keys() - self._seed.files.keys()):
            if not self._may_appear(path):
                return f"{path} was added, and only files that match `editable` may be"
            if problem := _marked(path, program.files[path]):
                return problem
        return None

    def _may_appear(self, path: str) -> bool:
        return any(glob.fullmatch(path) for glob in self._globs)

    def _changed_file(self, path: str, content: bytes) -> str | None:
        """Why a file may not have become `content`."""
        skeleton = self._skeletons.get(path)
        if skeleton is None:
            return _marked(path, content) if path in self._whole else f"{path} was changed, and it may not change"
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            return f"{path} is not UTF-8 text: {error.reason} at byte {error.start}"
        pieces = _pieces(text)
        if isinstance(pieces, str):
            return f"{path}:{pieces}"
        if len(pieces) != len(skeleton):
            return (
                f"{path} has {len(pieces) - 1} regions between EVOLVE-BLOCK markers instead of "
                f"{len(skeleton) - 1}: markers must stay as they are"
            )
        for (start, end), frozen in zip(pieces, skeleton, strict=True):
            if end - start != len(frozen) or not text.startswith(frozen, start):
                return _difference(path, text, start, text[start:end], frozen)
        return None


def _size(program: Program) -> int:
    return sum(map(len, program.files.values()))


def _pieces(text: str) -> list[tuple[int, int]] | str:
    """The frozen pieces of `text` as (start, end): up to and with a START line, from an END line on, and so forth.

    One piece when there are no markers. The line and the problem, as text, when they are unbalanced or nested.
    """
    if _WORD not in text:
        return [(0, len(text))]
    pieces: list[tuple[int, int]] = []
    start, opened = 0, -1
    for line_start, line_end, kind in _markers(text):
        if kind == "START":
            if opened >= 0:
                return f"{_line(text, line_start)}: a region starts inside the region of line {_line(text, opened)}"
            pieces.append((start, line_end))
            opened = line_start
        else:
            if opened < 0:
                return f"{_line(text, line_start)}: a region ends that was not started"
            start, opened = line_start, -1
    if opened >= 0:
        return f"{_line(text, opened)}: the region that starts here has no end"
    pieces.append((start, len(text)))
    return pieces


def _markers(text: str) -> Iterable[tuple[int, int, str]]:
    """The marker lines as (start, end with its newline, kind). Only lines with the word are looked at closely."""
    position = text.find(_WORD)
    while position >= 0:
        line_start = text.rfind("\n", 0, position) + 1
        line_end = text.find("\n", position) + 1 or len(text)
        if match := _MARKER.match(text, line_start):
            yield line_start, line_end, match["kind"]
        position = text.find(_WORD, line_end)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _skeleton_of_seed(path: str, content: bytes) -> tuple[str, ...] | None:
    """The frozen text of a file of the seed; None when it has no markers. Raises `TaskError`."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        if _WORD.encode() in content:
            raise TaskError(
                f"the seed's {path} has EVOLVE-BLOCK markers but is not UTF-8 text; save it as UTF-8"
            ) from None
        return None
    pieces = _pieces(text)
    if isinstance(pieces, str):
        raise TaskError(f"the seed's {path}:{pieces}; EVOLVE-BLOCK-START and EVOLVE-BLOCK-END lines come in turn")
    exact = {start for start, _, _ in _markers(text)}
    for match in _ALMOST.finditer(text):
        if match.start() not in exact:
            raise TaskError(
                f"the seed's {path}:{_line(text, match.start())}: {match.group().strip()!r} is no marker; "
                "write EVOLVE-BLOCK-START or EVOLVE-BLOCK-END, in capitals and with hyphens"
            )
    return tuple(text[start:end] for start, end in pieces) if len(pieces) > 1 else None


def _marked(path: str, content: bytes) -> str | None:
    """A file without markers must not get any, or what may change would depend on who reads it."""
    if _WORD.encode() not in content:
        return None
    text = content.decode(errors="replace")
    for start, _, _ in _markers(text):
        return f"{path}:{_line(text, start)}: an EVOLVE-BLOCK marker was added"
    return None


def _difference(path: str, text: str, start: int, piece: str, frozen: str) -> str:
    """Names the first line of a frozen piece that is not the seed's."""
    got, want = piece.split("\n"), frozen.split("\n")
    same = next((at for at, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), min(len(got), len(want)))
    line = _line(text, start) + same
    if same >= len(want):
        change = f"{got[same]!r} was added" if same < len(got) else "the end of a line was changed"
    elif same >= len(got):
        change = f"{want[same]!r} was removed"
    else:
        change = f"{want[same]!r} became {got[same]!r}"
    return f"{path}:{line} is outside the regions that may change: {change}"


def _glob(pattern: str) -> re.Pattern[str]:
    """A path pattern as a regular expression. Raises `TaskError`."""
    if (
        not pattern
        or pattern.startswith("/")
        or any(part in {"", ".", ".."} for part in pattern.rstrip("/").split("/"))
    ):
        raise TaskError(f"{pattern!r} in `editable` is no relative path pattern; write for example 'src/**/*.py'")
    parts = [*pattern.rstrip("/").split("/"), *(["**"] if pattern.endswith("/") else [])]
    expression = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            expression += "(?:.+)" if last else "(?:[^/]+/)*"
        else:
            expression += _glob_part(part) + ("" if last else "/")
    return re.compile(expression)


def _glob_part(part: str) -> str:
    """One part of a path pattern: `*` and `?` match within it, all else is itself."""
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character)) for character in part)
