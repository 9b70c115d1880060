"""A Python file taken apart: its expressions, statements and scopes, each with its place in the text.

Edits put text in place of text, so what is not edited keeps its layout and its comments. The syntax tree only says
where things are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TypeAlias

from evolve.proposers._sites import Block, Kind, Scope, Site
from evolve.proposers._walk import Walk
from evolve.syntax import number, parse

__all__ = ["Change", "Source", "shifted"]

Change: TypeAlias = tuple[int, int, str]
"""Where a text changes, as offsets in characters, and what comes in its place."""

_NEWLINE = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line as the tokenizer sees it; `str.splitlines` also splits at characters that may stand in a string."""


class Source:
    """One Python file. `sites` and `blocks` are those that lie in the spans which may change."""

    def __init__(self, text: str, tree: ast.Module, spans: Sequence[tuple[int, int]]) -> None:
        self.text = text
        self.tree = tree
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self._spans = tuple(spans)
        self._ascii = text.isascii()
        self._lines = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        if text.startswith("\ufeff"):
            self._lines[0] = 1  # a byte order mark is in no column
        walk = Walk(tree, self.inside)
        self.sites: list[Site] = walk.sites
        self.blocks: list[Block] = walk.blocks
        self.module: Scope = walk.module
        self.names = walk.names
        for site in self.sites:
            if site.kind is Kind.UNKNOWN and isinstance(site.node, ast.Name) and site.scope.holds_number(site.node.id):
                site.kind = Kind.NUMBER
        self._sites = {id(site.node): site for site in self.sites}
        self.numbers = [site for site in self.sites if site.kind is Kind.NUMBER]
        self.compound = [site for site in self.numbers if not isinstance(site.node, ast.Constant | ast.Name)]
        self.truths = [site for site in self.sites if site.kind is Kind.TRUTH]
        self.literals = [site for site in self.numbers if number(site.node)]

    @classmethod
    def read(cls, text: str, spans: Sequence[tuple[int, int]]) -> Source | None:
        """None when the text is no Python, or nests too deeply to be walked."""
        tree = parse(text)
        if tree is None:
            return None
        try:
            return cls(text, tree, spans)
        except RecursionError:
            return None

    def offset(self, line: int, column: int) -> int:
        """Characters from the start of the text; `line` counts from 1, `column` bytes of UTF-8, as the tree does."""
        start = self._lines[line - 1]
        if self._ascii:
            return start + column
        # a character has at least one byte, so `column` characters are enough
        return start + len(self.text[start : start + column].encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The offsets where a node starts and ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def code(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def site_of(self, node: ast.expr) -> Site | None:
        """The site of an expression, if it is one."""
        return self._sites.get(id(node))

    def inside(self, node: ast.stmt) -> bool:
        """Whether a statement, with its decorators, lies in a span."""
        start, end = self.span(node)
        for decorator in getattr(node, "decorator_list", ()):
            start = min(start, self.offset(decorator.lineno, 0))
        return any(low <= start and end <= high for low, high in self._spans)

    def lines(self, node: ast.expr | ast.stmt) -> tuple[int, int] | None:
        """The offsets of the whole lines that a statement fills, with the last newline; None when it shares them.

        A comment after it belongs to it.
        """
        start, end = self.span(node)
        for decorator in getattr(node, "decorator_list", ()):
            start = min(start, self.offset(decorator.lineno, decorator.col_offset))
        first = max(self.text.rfind("\n", 0, start), self.text.rfind("\r", 0, start)) + 1
        found = _NEWLINE.search(self.text, end)
        last = found.end() if found else len(self.text)
        before, after = self.text[first:start], self.text[end : found.start() if found else last].strip()
        decorated = before.strip() == "@"
        if (before.strip() and not decorated) or (after and not after.startswith("#")):
            return None
        return first, last

    def indent(self, node: ast.expr | ast.stmt) -> str:
        """The white space before a statement that has its lines for itself."""
        start = self.offset(node.lineno, 0)
        return self.text[start : self.offset(node.lineno, node.col_offset)]

    def enclosed(self, start: int, end: int) -> bool:
        """Whether the text from `start` to `end` stands alone between brackets."""
        before = self.text[max(0, start - 8) : start].rstrip(" \t")[-1:]
        after = self.text[end : end + 8].lstrip(" \t")[:1]
        return before + after in {"()", "[]"}


def shifted(text: str, old: str, new: str) -> str | None:
    """Lines indented by `new` instead of `old`; None when that could change a string that spans lines."""
    if '"""' in text or "'''" in text or "\\\n" in text or "\\\r" in text:
        return None
    lines = _LINE.findall(text)
    if any(line.strip() and not line.startswith(old) for line in lines):
        return None
    return "".join(new + line[len(old) :] if line.strip() else line for line in lines)
