"""What differs between two programs, in the form that `git apply` takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import click

from evolve.types import Program

__all__ = ["coloured", "difference"]


def difference(old: Program, new: Program) -> Iterator[str]:
    """The lines of a unified diff, without line ends. Of binary files it only says that they differ."""
    for path in sorted(old.files.keys() | new.files.keys()):
        before, after = old.files.get(path), new.files.get(path)
        if before == after and old.mode(path) == new.mode(path):
            continue
        yield f"diff --git {_quote('a/' + path)} {_quote('b/' + path)}"
        if before is None:
            yield f"new file mode {new.mode(path)}"
        elif after is None:
            yield f"deleted file mode {old.mode(path)}"
        elif old.mode(path) != new.mode(path):
            yield f"old mode {old.mode(path)}"
            yield f"new mode {new.mode(path)}"
        yield from _contents(path, before, after)


def _contents(path: str, before: bytes | None, after: bytes | None) -> Iterator[str]:
    old_name = "/dev/null" if before is None else _quote("a/" + path)
    new_name = "/dev/null" if after is None else _quote("b/" + path)
    try:
        old_lines, new_lines = _lines(before), _lines(after)
    except UnicodeDecodeError:
        yield f"Binary files {old_name} and {new_name} differ"
        return
    # after a name with a space git looks for a tab
    tabs = ["\t" if " " in name else "" for name in (old_name, new_name)]
    heads = difflib.unified_diff(old_lines, new_lines, old_name + tabs[0], new_name + tabs[1], lineterm="\n")
    for line in heads:
        if line.endswith("\n"):
            yield line[:-1]
        else:
            yield line
            yield "\\ No newline at end of file"


def _lines(content: bytes | None) -> list[str]:
    """Lines as git counts them: only a line feed ends one."""
    text = (content or b"").decode()
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _quote(path: str) -> str:
    return '"' + path.replace('"', '\\"') + '"' if '"' in path else path


def coloured(lines: Iterable[str]) -> Iterator[str]:
    """The lines as git colours them; control characters, which could rewrite the terminal, become spaces."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        safe = "".join(c if c.isprintable() or c == "\t" else " " for c in line)
        if line.startswith(("diff ", "---", "+++", "new ", "old ", "deleted ")):
            yield click.style(safe, bold=True)
        else:
            yield click.style(safe, fg=colours.get(line[:1]))
