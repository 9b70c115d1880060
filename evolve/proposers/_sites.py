"""The parts of a Python file that edits speak of: expressions, blocks of statements, scopes of names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = [
    "AND",
    "ATOM",
    "BIT_OR",
    "COMPARE",
    "CONDITIONAL",
    "LOOSE",
    "NOT",
    "OPEN",
    "OR",
    "POWER",
    "SIGN",
    "SUM",
    "TERM",
    "Block",
    "Kind",
    "Scope",
    "Site",
    "precedence",
]

# How tightly the outermost operator of an expression binds: Python reference, 6.17.
OPEN, CONDITIONAL, OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, TERM, SIGN, POWER, ATOM = range(15)
_BINARY: dict[type[ast.operator], int] = {
    ast.BitOr: BIT_OR,
    ast.BitXor: BIT_XOR,
    ast.BitAnd: BIT_AND,
    ast.LShift: SHIFT,
    ast.RShift: SHIFT,
    ast.Add: SUM,
    ast.Sub: SUM,
    ast.Mult: TERM,
    ast.Div: TERM,
    ast.FloorDiv: TERM,
    ast.Mod: TERM,
    ast.MatMult: TERM,
    ast.Pow: POWER,
}
LOOSE = (ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Tuple, ast.Starred)


_FIXED: dict[type[ast.expr], int] = {ast.Compare: COMPARE, ast.IfExp: CONDITIONAL, ast.Await: POWER}


def precedence(node: ast.expr) -> int:
    """How tightly an expression binds."""
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)]
    if isinstance(node, ast.UnaryOp):
        return NOT if isinstance(node.op, ast.Not) else SIGN
    if isinstance(node, ast.BoolOp):
        return AND if isinstance(node.op, ast.And) else OR
    return OPEN if isinstance(node, LOOSE) else _FIXED.get(type(node), ATOM)


class Kind(IntEnum):
    """What an expression most likely gives, judged by how it is written and where it stands."""

    UNKNOWN = 0
    NUMBER = 1
    TRUTH = 2
    OTHER = 3


@dataclass(slots=True, eq=False)
class Scope:
    """Names of a module, a function or a comprehension."""

    name: str
    outer: Scope | None
    bound: dict[str, int] = field(default_factory=dict)
    """Name -> the line that binds it first; 0 for what is bound from the start, such as parameters."""
    numbers: set[str] = field(default_factory=set)
    """Names that are used as numbers."""
    integers: set[str] = field(default_factory=set)
    """Names that are used where Python wants an integer."""
    of_class: bool = False
    """Functions inside do not see these names."""

    def find(self, name: str, line: int) -> Scope | None:
        """The scope that binds `name` before `line`. What an outer scope binds is taken to be there by then."""
        scope: Scope | None = self
        while scope is not None:
            at = scope.bound.get(name)
            if at is not None and (at < line or scope is not self):
                return scope
            scope = scope.outer
        return None

    def holds_number(self, name: str) -> bool:
        """Whether `name` is used as a number where it is bound."""
        scope: Scope | None = self
        while scope is not None and name not in scope.bound:
            scope = scope.outer
        return scope is not None and name in scope.numbers

    def numbers_before(self, line: int) -> list[str]:
        """The names that hold numbers at `line`, inner scopes first, in the order in which they are bound."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            last = line if scope is self else 2**62
            numbers = scope.numbers
            names += [name for name, at in scope.bound.items() if name in numbers and at < last and name not in names]
            scope = scope.outer
        return names


@dataclass(slots=True, eq=False)
class Site:
    """An expression that may be replaced."""

    node: ast.expr
    kind: Kind
    need: int
    """How tightly what is put here must bind to stand without parentheses."""
    scope: Scope
    line: int
    """The first line of the statement that it belongs to."""
    integer: bool = False
    """It must stay an integer: an index, a size, a number of digits."""
    whole: bool = False
    """It is all that a statement returns or assigns."""
    name: str = ""
    """What it is assigned to or given as, alone or in a tuple or list; "seed" for what seeds random numbers."""


@dataclass(slots=True, eq=False)
class Block:
    """Statements of one block that may change."""

    statements: list[ast.stmt]
    dead: list[ast.stmt]
    """Those after them that are never reached."""
    scope: Scope
    function: bool
    """Whether `return` may stand here."""
    complete: bool
    """Whether these are all the statements of the block, so that the last one must stay."""
