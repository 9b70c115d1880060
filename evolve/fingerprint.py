"""Fingerprints: when two programs are the same for a search, though their texts differ.

Python files are compared by their syntax tree, so formatting and comments do not count, but everything that can behave
differently does: `1`, `1.0` and `True`, docstrings, signed zeros. In some languages whose standard says that line
endings mean nothing they are dropped; all other files are compared byte by byte, since in them white space may matter.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from hashlib import blake2b

from evolve.syntax import NUMBER, is_python, number, parse
from evolve.types import Program

__all__ = ["fingerprint", "structure"]

# ECMA-262 12.9.6, JLS 3.4 and 3.10.6, Go "Raw string literals", Rust reference "CRLF normalization"
_ANY_NEWLINE = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".java", ".go", ".rs")
_IGNORED = frozenset(["ctx", "kind", "type_comment", "type_ignores"])


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """Syntax tree class -> names of its fields that carry meaning, last one first."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = fields = tuple(name for name in reversed(kind._fields) if name not in _IGNORED)
        return fields


_FIELDS = _Fields()


def fingerprint(program: Program) -> bytes:
    """16 bytes, equal for programs that differ in formatting and comments only."""
    return _digest(program, _normal)


def structure(program: Program) -> bytes:
    """16 bytes, equal for programs that differ in formatting, comments and the values of numeric literals only.

    A minus sign belongs to the literal; integers and floats are alike.
    """
    return _digest(program, _skeleton)


def _digest(program: Program, form: Callable[[str, bytes], bytes]) -> bytes:
    digest = blake2b(digest_size=16)
    for path in sorted(program.files):
        body = form(path, program.files[path])
        digest.update(f"{path}\0{program.mode(path)}\0{len(body)}\0".encode())
        digest.update(body)
    return digest.digest()


def _normal(path: str, content: bytes) -> bytes:
    """The content with what makes no difference taken out. The first byte keeps the forms apart."""
    if is_python(path) and (tree := parse(content)) is not None:
        return b"t" + _first_line(content) + _flat(tree, literals=True)
    if path.endswith(_ANY_NEWLINE):
        return b"l" + content.replace(b"\r\n", b"\n").rstrip(b"\n")
    return b"b" + content


def _skeleton(path: str, content: bytes) -> bytes:
    if is_python(path) and (tree := parse(content)) is not None:
        return b"t" + _first_line(content) + _flat(tree, literals=False)
    try:
        return b"n" + NUMBER.sub("0", content.decode()).encode()
    except UnicodeDecodeError:
        return b"b" + content


def _first_line(content: bytes) -> bytes:
    """The one comment that can matter: which interpreter runs the file."""
    return content.split(b"\n", 1)[0].rstrip() + b"\n" if content.startswith(b"#!") else b""


def _flat(tree: ast.Module, *, literals: bool) -> bytes:
    """The tree in preorder, one item a line, without positions. Not recursive: a tree may be deeper than the stack."""
    lines: list[str] = []
    stack: list[object] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, ast.AST):
            if not literals and number(item):
                lines.append("0")
            elif isinstance(item, ast.Constant):
                lines.append(_constant(item.value))
            else:
                lines.append(item.__class__.__name__)
                stack.extend([getattr(item, field) for field in _FIELDS[item.__class__]])
        elif isinstance(item, list):
            lines.append(f"[{len(item)}")
            stack.extend(reversed(item))
        else:
            lines.append(str(item))
    return "\n".join(lines).encode()


def _constant(value: object) -> str:
    # the name of the type keeps 1, 1.0 and True apart; decimal digits of a huge integer are refused by Python
    return f"{type(value).__name__} {hex(value) if isinstance(value, int) else repr(value)}"
