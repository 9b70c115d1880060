"""A sham edit: what is changed cannot matter, so what it seems to gain is luck.

It goes the way of a real one: other files, another tree id, other questions to the models, by letters at least.
"""

from __future__ import annotations

import ast
import re

from evolve.errors import TaskError
from evolve.syntax import is_python
from evolve.types import Program

__all__ = ["sham"]

_COMMENT = "# This line is a comment, and changes nothing that is done.\n"
_PROMPTS = (".j2", ".jinja", ".prompt")
_SENTENCES = re.compile(r"^([^{}`\n]*[a-z]\.) (?=[A-Z])", re.MULTILINE)


def sham(program: Program) -> Program:
    """The program with a comment at the end of each Python file, and in each prompt two spaces between two sentences.

    Python parses every file to the same syntax tree as before; a model reads the same words. The same program has the
    same sham. Raises `TaskError` when there is nothing of either kind to edit.
    """
    changes: dict[str, bytes | None] = {}
    for path, content in program.files.items():
        try:
            text = content.decode()
        except UnicodeDecodeError:
            continue
        edited = _commented(text) if is_python(path) else _spaced(text) if path.endswith(_PROMPTS) else text
        if edited != text:
            changes[path] = edited.encode()
    if not changes:
        raise TaskError("there is no Python file and no prompt in this scaffold, so nothing to make a sham edit of")
    return program.replace(changes)


def _commented(text: str) -> str:
    edited = text + "\n" * (not text.endswith("\n")) + _COMMENT
    return edited if _tree(text) is not None and _tree(edited) == _tree(text) else text


def _spaced(text: str) -> str:
    return _SENTENCES.sub(r"\1  ", text, count=1)


def _tree(text: str) -> str | None:
    """What Python makes of it, without places; None for what is no Python."""
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
