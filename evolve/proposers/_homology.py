"""Where two versions of a piece of Python differ, as pairs of parts that can stand for each other."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Difference", "differences", "same"]

_Part = ast.expr | ast.stmt


@dataclass(frozen=True, slots=True)
class Difference:
    """The part of one version and what the other has in its place: an expression, or statements of one block."""

    one: Sequence[_Part]
    other: Sequence[_Part]

    @property
    def expressions(self) -> tuple[ast.expr, ast.expr] | None:
        """Both parts, when they are expressions."""
        one, other = self.one[0], self.other[0]
        return (one, other) if isinstance(one, ast.expr) and isinstance(other, ast.expr) else None


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two trees are equal but for positions."""
    return differences(one, other) == []


def differences(one: ast.AST, other: ast.AST) -> list[Difference] | None:
    """The smallest parts in which two trees differ, in the order of the text.

    None when they differ in something that is neither an expression nor a statement, such as an operator or a
    signature: then only what is around it can be replaced.
    """
    if type(one) is not type(other) or isinstance(one, ast.JoinedStr):
        # the parts of an f-string have no true places before Python 3.12
        return [] if type(one) is type(other) and ast.dump(one) == ast.dump(other) else _whole(one, other)
    found: list[Difference] = []
    for name in one._fields:
        inner = _field(getattr(one, name, None), getattr(other, name, None))
        if inner is None:
            return _whole(one, other)
        found += inner
    return found


def _whole(one: ast.AST, other: ast.AST) -> list[Difference] | None:
    if isinstance(one, ast.expr) and isinstance(other, ast.expr):
        loaded = isinstance(getattr(one, "ctx", ast.Load()), ast.Load)
        return [Difference([one], [other])] if loaded else None
    if isinstance(one, ast.stmt) and isinstance(other, ast.stmt):
        return [Difference([one], [other])]
    return None


def _field(one: object, other: object) -> list[Difference] | None:
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return differences(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return _list(one, other)
    # not ==: 1, 1.0 and True are equal
    return [] if type(one) is type(other) and repr(one) == repr(other) else None


def _list(one: list[object], other: list[object]) -> list[Difference] | None:
    if len(one) == len(other):
        found: list[Difference] = []
        for a, b in zip(one, other, strict=True):
            inner = _field(a, b)
            if inner is None:
                return None
            found += inner
        return found
    statements = [s for s in one if isinstance(s, ast.stmt)], [s for s in other if isinstance(s, ast.stmt)]
    if not statements[0] or not statements[1]:
        return None
    return [_trimmed(*statements)]


def _trimmed(one: list[ast.stmt], other: list[ast.stmt]) -> Difference:
    """Blocks of different lengths, without what they have in common at their ends, but with one statement at least."""
    start = end = 0
    shorter = min(len(one), len(other)) - 1
    while start < shorter and same(one[start], other[start]):
        start += 1
    while end < shorter - start and same(one[-1 - end], other[-1 - end]):
        end += 1
    return Difference(one[start : len(one) - end], other[start : len(other) - end])
