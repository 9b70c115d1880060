"""The changes of a Python text that could be bugs, each of a known kind and in one place."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

OTHER_WAY = {
    "comparison": {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="},
    "arithmetic": {"+": "-", "-": "+", "*": "+", "//": "*", "%": "//"},
    "logic": {"and": "or", "or": "and"},
    "builtin": {"min": "max", "max": "min", "any": "all", "all": "any"},
}
OPERATOR = re.compile(r"//|<=|>=|==|!=|[-+*%<>]|\band\b|\bor\b")


class Site(NamedTuple):
    """A change of a text: what lies from `start` to `end` becomes `new`."""

    kind: str
    start: int
    end: int
    new: str


def sites(text: str) -> list[Site]:
    """All changes of what functions do, from the first place of the text to the last. The text is ASCII."""
    found = []
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef):
            finder = _Finder(text, {each.arg for each in function.args.args} - {"self"})
            for statement in function.body:
                finder.visit(statement)
            found += finder.found
    return sorted(set(found), key=lambda site: site[1:] + site[:1])


class _Finder(ast.NodeVisitor):
    """Collects the changes in what it visits; `names` are those of the function's parameters."""

    def __init__(self, text: str, names: set[str]) -> None:
        self._text = text
        self._names = sorted(names)
        self._starts = [0]
        for line in text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.found: list[Site] = []

    def visit_Compare(self, node: ast.Compare) -> None:
        """One comparison, turned or with its border moved."""
        if len(node.ops) == 1:
            self._operator("comparison", node.left, node.comparators[0])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Another operator."""
        self._operator("arithmetic", node.left, node.right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`and` for `or`, where the first two are joined."""
        self._operator("logic", *node.values[:2])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """One more or one less."""
        if type(node.value) is int:
            self._add("constant", node, str(node.value + 1))
            if node.value > 0:
                self._add("constant", node, str(node.value - 1))

    def visit_If(self, node: ast.If) -> None:
        """The other way round."""
        self._add("negation", node.test, f"not ({self._of(node.test)})")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """The other way round."""
        self._add("negation", node.test, f"not ({self._of(node.test)})")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """The first two arguments exchanged."""
        if len(node.args) > 1:
            (start, middle), (after, end) = self._span(node.args[0]), self._span(node.args[1])
            swapped = self._text[after:end] + self._text[middle:after] + self._text[start:middle]
            self.found.append(Site("arguments", start, end, swapped))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Left out."""
        self._add("statement", node, "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        """Left out, where it is a call."""
        if isinstance(node.value, ast.Call):
            self._add("statement", node, "pass")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Another parameter, or the function that does the opposite."""
        if node.id in OTHER_WAY["builtin"]:
            self._add("builtin", node, OTHER_WAY["builtin"][node.id])
        elif isinstance(node.ctx, ast.Load) and node.id in self._names:
            for other in self._names:
                if other != node.id:
                    self._add("name", node, other)

    def _operator(self, kind: str, left: ast.expr, right: ast.expr) -> None:
        sign = OPERATOR.search(self._text, self._span(left)[1], self._span(right)[0])
        if sign and sign[0] in OTHER_WAY[kind]:
            self.found.append(Site(kind, sign.start(), sign.end(), OTHER_WAY[kind][sign[0]]))

    def _add(self, kind: str, node: ast.stmt | ast.expr, new: str) -> None:
        self.found.append(Site(kind, *self._span(node), new))

    def _of(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset
