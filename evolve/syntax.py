"""Python source of a candidate, parsed without noise: it is somebody else's text, and only read, never run."""

from __future__ import annotations

import ast
import re
import threading
import warnings

__all__ = ["MAX_PARSED_BYTES", "NUMBER", "is_python", "number", "parse", "syntax_problem"]

MAX_PARSED_BYTES = 2**18
"""Larger files are treated as plain bytes: a syntax tree takes a hundred times the memory of its source."""

NUMBER = re.compile(
    r"(?<![\w.])(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])",
    re.ASCII,
)
"""A numeric literal in the text of any language: not part of a name, of a version or of another number."""

_NAME = "<program>"
_HUSH = ("ignore", None, Warning, re.compile(re.escape(_NAME)), 0)


def is_python(path: str) -> bool:
    """Whether the file is Python by its name."""
    return path.endswith((".py", ".pyw", ".pyi"))


def parse(source: bytes | str) -> ast.Module | None:
    """The syntax tree, or None when the source does not parse or is larger than `MAX_PARSED_BYTES`."""
    if len(source) > MAX_PARSED_BYTES:
        return None
    if isinstance(source, str):
        source = source.removeprefix("\ufeff")  # in bytes the compiler takes it off itself; columns never count it
    # The compiler warns about such things as invalid escapes on stderr, or raises where warnings are errors. A filter
    # for this one file name hushes it for all threads; `catch_warnings` would not be safe with threads.
    if _HUSH not in warnings.filters:
        warnings.filterwarnings("ignore", module=re.escape(_NAME))
    try:
        return _tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        # null bytes are a ValueError before Python 3.12, deep nesting is one of the others
        return None


def syntax_problem(source: bytes | str) -> str:
    """Why the source does not parse, with the line, for whoever wrote it; "" when it does."""
    if parse(source) is not None:
        return ""
    try:
        _tree(source)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return str(error) or type(error).__name__
    return f"more than {MAX_PARSED_BYTES} bytes"


def _tree(source: bytes | str) -> ast.Module:
    # CPython before 3.13 counts the depth of the tree in one place for all threads, so two that parse at once can end
    # in a SystemError, "AST constructor recursion depth mismatch" (python/cpython#106905).
    with _PARSING:
        return ast.parse(source, _NAME)


def number(node: ast.AST) -> bool:
    """Whether an expression is a numeric literal, with any number of minus signs. `True` is none."""
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    # not isinstance: bool is an int
    return isinstance(node, ast.Constant) and node.value.__class__ in _NUMBERS


_PARSING = threading.RLock()
_NUMBERS = frozenset([int, float])
