"""A file in which a region, the whole text, or single functions were written anew."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evolve.proposers._match import plain
from evolve.regions import Regions
from evolve.syntax import is_python, parse, syntax_problem
from evolve.types import Program

__all__ = ["Rewritten", "has_marks", "leaves_out", "rewritten"]

_DOTTED = re.compile(r"\s*(?:#|//|/\*|--|;|%|<!--|\(\*)[\s*]*(?P<said>.{0,200})")
_SAYS_SO = re.compile(
    r"(?i)\b(?:existing|rest|remaining|unchanged|same|omitted|before|previous|other|code|as is|here|goes)\b"
)
_MARK = re.compile(r"[^\w\"'`\n]*(?:REM )?EVOLVE-BLOCK-(START|END)")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text of a file, or what keeps the answer from being one."""

    text: str | None
    problem: str = ""


def leaves_out(lines: Sequence[str]) -> bool:
    """Whether a comment with dots stands for lines that are left out."""
    for line in lines:
        if "..." not in line and "…" not in line:
            continue
        comment = _DOTTED.match(line)
        if comment is None:
            continue
        rest = re.sub(r"[.…\s*/\-\[\]()>]+", " ", comment["said"]).strip()
        if not rest or _SAYS_SO.search(rest):
            return True
    return False


def rewritten(path: str, content: str, program: Program, regions: Regions, *, alone: bool) -> Rewritten:
    """What becomes of the file at `path` when `content` is its new text, its region's, or that of some functions.

    `alone` says that no other file could be meant.
    """
    try:
        text = program.text(path)
    except UnicodeDecodeError:
        return Rewritten(None, f"{path} is no text, and cannot be changed")
    crlf = "\r\n" in text
    spans = regions.spans(program, path)
    new = textwrap.dedent(content).strip("\n")
    if has_marks(new):
        made = _by_marks(text, new, spans)
    elif len(spans) == 1 and not (is_python(path) and parse(text) is not None):
        made = _region(text, _without_frozen(text, new, spans[0]), spans[0]) if alone else None
    elif is_python(path):
        return _python(path, text, new, spans, crlf=crlf, alone=alone)
    else:
        made = None
    if made is None:
        return Rewritten(None, f"{path} has {len(spans)} regions: give the whole file with its marker lines")
    return Rewritten(_with_newlines(made, crlf=crlf))


def _with_newlines(text: str, *, crlf: bool) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n") if crlf else text


def has_marks(text: str) -> bool:
    """Whether a line of the text is a marker of a region."""
    return any(_MARK.match(line) for line in text.split("\n") if "EVOLVE-BLOCK-" in line)


def _by_marks(text: str, new: str, spans: Sequence[tuple[int, int]]) -> str | None:
    """The regions of an answer that has marker lines; what it says outside of them must be the file's, or nothing."""
    inner: list[list[str]] = []
    outer: list[list[str]] = [[]]
    opened = False
    for line in new.split("\n"):
        mark = _MARK.match(line) if "EVOLVE-BLOCK-" in line else None
        if mark is not None and (mark[1] == "START") != opened:
            opened = not opened
            (inner if opened else outer).append([])
        elif mark is not None:
            return new + "\n"  # unbalanced: whoever checks the regions says how
        else:
            (inner[-1] if opened else outer[-1]).append(line)
    frozen = _frozen(text, spans)
    if opened or len(inner) != len(spans) or len(outer) != len(frozen):
        return new + "\n"
    for said, known in zip(outer, frozen, strict=True):
        if any(line.strip() for line in said) and _solid(said) != _solid(known):
            return new + "\n"
    for (start, end), lines in reversed(list(zip(spans, inner, strict=True))):
        text = _region(text, "\n".join(lines), (start, end))
    return text


def _frozen(text: str, spans: Sequence[tuple[int, int]]) -> list[list[str]]:
    """The lines between the spans, without the marker lines."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    pieces = [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
    return [[line for line in piece.split("\n") if not _MARK.match(line)] for piece in pieces]


def _solid(lines: Sequence[str]) -> list[str]:
    return [plain(line).rstrip() for line in lines if line.strip()]


def _region(text: str, new: str, span: tuple[int, int]) -> str:
    start, end = span
    body = new.strip("\n")
    after = text[end:]
    if not after.startswith(("\n", "\r\n")) and not (end == len(text) and text and not text.endswith("\n")):
        body += "\n"
    if (before := text[start:end]).endswith("\r"):
        body += "\r"
    lead = before[: len(before) - len(before.lstrip("\r\n"))]
    return text[:start] + (lead if body.strip() else "") + body + after


def _without_frozen(text: str, new: str, span: tuple[int, int]) -> str:
    """Without the lines before and after the region, where the answer repeats them."""
    before, after = (_solid(piece) for piece in _frozen(text, [span]))
    lines = new.split("\n")
    filled = [number for number, line in enumerate(lines) if line.strip()]
    said = [plain(lines[number]).rstrip() for number in filled]
    low, high = 0, len(filled)
    if before and said[: len(before)] == before:
        low = len(before)
    if after and high - low > len(after) and said[high - len(after) :] == after:
        high -= len(after)
    if low >= high:
        return new
    return "\n".join(lines[filled[low] if low else 0 : filled[high - 1] + 1])


@dataclass(frozen=True, slots=True)
class _Definition:
    """Lines `start` to `end` (exclusive) of a text, which define `name`; `indent` is the white space before them."""

    name: str
    start: int
    end: int
    indent: str
    nested: bool


def _definitions(tree: ast.Module, lines: Sequence[str]) -> Iterator[_Definition]:
    """What the module defines, and the methods of its classes."""
    for node in tree.body:
        for name in _names(node):
            yield _definition(name, node, lines, nested=False)
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield _definition(inner.name, inner, lines, nested=True)


def _definition(name: str, node: ast.stmt, lines: Sequence[str], *, nested: bool) -> _Definition:
    start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]) - 1
    while start and lines[start - 1].lstrip().startswith("#") and not _MARK.match(lines[start - 1]):
        start -= 1
    first = lines[node.lineno - 1]
    assert node.end_lineno is not None
    return _Definition(name, start, node.end_lineno, first[: len(first) - len(first.lstrip())], nested)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _python(path: str, text: str, new: str, spans: Sequence[tuple[int, int]], *, crlf: bool, alone: bool) -> Rewritten:
    """The whole of a region when all that it defines is defined anew; else the definitions that are, one by one."""
    tree = parse(new) or parse("\n".join(plain(line) for line in new.split("\n")))
    if tree is None:
        if alone and len(spans) == 1:  # whoever checks the syntax says what is wrong
            return Rewritten(_with_newlines(_region(text, new, spans[0]), crlf=crlf))
        return Rewritten(None, f"the code is no valid Python: {syntax_problem(new)}")
    if len(spans) == 1:
        new = _without_frozen(text, new, spans[0])
        tree = parse(new) or tree
    flat = text.replace("\r\n", "\n")
    lines = flat.split("\n")
    whole = parse(flat)
    assert whole is not None
    ranges = [(text.count("\n", 0, start), text.count("\n", 0, end) + 1) for start, end in spans]
    known = [d for d in _definitions(whole, lines) if any(low <= d.start and d.end <= high for low, high in ranges)]
    top = {d.name for d in known if not d.nested}
    said = {name for node in tree.body for name in _names(node)}
    functions = top & _defined(whole)
    if len(spans) == 1 and alone and (functions <= said or not top):
        return Rewritten(_with_newlines(_region(text, new, spans[0]), crlf=crlf))
    if not said & {d.name for d in known}:
        names = ", ".join(sorted(functions or top)[:5])
        return Rewritten(None, f"the code defines nothing that {path} has in its regions, which is {names}")
    merged = _merged(lines, known, new, tree)
    return Rewritten(_with_newlines(merged, crlf=crlf) if merged else None, "a name is defined more than once")


def _defined(tree: ast.Module) -> set[str]:
    """The names of functions and classes, without those of values."""
    return {name for node in tree.body if not isinstance(node, ast.Assign | ast.AnnAssign) for name in _names(node)}


def _merged(lines: list[str], known: Sequence[_Definition], new: str, tree: ast.Module) -> str | None:
    """The lines of a file with the definitions of `new` in the place of those of the same name."""
    sent = new.split("\n")
    present = set(lines)
    by_name: dict[str, list[_Definition]] = {}
    for definition in known:
        by_name.setdefault(definition.name, []).append(definition)
    places: list[tuple[int, int, list[str]]] = []
    added: list[str] = []
    for node in tree.body:
        names = _names(node)
        span = _definition(names[0] if names else "", node, sent, nested=False)
        code = sent[span.start : span.end]
        same = [d for name in names for d in by_name.get(name, ())]
        outermost = [d for d in same if not d.nested] or same
        if len(outermost) == 1:
            place = outermost[0]
            places.append((place.start, place.end, [place.indent + line if line.strip() else line for line in code]))
        elif outermost:
            return None
        elif not _is_main(node) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            added += [line for line in code if line not in present]
    if not places:
        return None
    if added:
        first = min(start for start, _, _ in places)
        gap = ["", ""] if not added[0].startswith(("import ", "from ")) or len(added) > 1 else [""]
        places.append((first, first, [*added, *gap]))
    last = {place[:2]: place[2] for place in places}  # of two for the same lines the last one counts
    edge = len(lines) + 1
    for start, end in sorted(last, reverse=True):
        if end > edge:
            return None  # a class, and a method of it beside it
        lines[start:end], edge = last[start, end], start
    return "\n".join(lines)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)
