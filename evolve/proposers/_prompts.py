"""Prompts: templates in a folder, rendered in a sandbox, each of which a task may replace by its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve.errors import TaskError
from evolve.resources import bundled

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

__all__ = ["Prompts", "fenced", "read_prompts"]

_PLACE = "scaffold/prompts"
"""Below the seeds: what the built-in proposer asks is what the seed scaffold asks, so there is one thing to improve."""
_SUFFIX = ".md.j2"
_FENCE = re.compile(r"^`{3,}", re.MULTILINE)
_LANGUAGES = {
    ".py": "python", ".cpp": "cpp", ".cc": "cpp", ".c": "c", ".rs": "rust", ".js": "javascript", ".ts": "typescript",
    ".go": "go", ".java": "java", ".jl": "julia", ".sql": "sql", ".cu": "cuda",
}  # fmt: skip


def read_prompts(task_folder: Path | None = None) -> dict[str, str]:
    """The templates by name, those in the task's folder `prompts` instead of ours. Raises `TaskError`."""
    ours = (bundled("seeds") / _PLACE).glob(f"*{_SUFFIX}")
    found = {path.name.removesuffix(_SUFFIX): path.read_text(encoding="utf-8") for path in ours}
    own = task_folder / "prompts" if task_folder is not None else None
    if own is None or not own.is_dir():
        return dict(sorted(found.items()))
    for path in sorted(own.glob("*.j2")):
        name = path.name.removesuffix(_SUFFIX)
        if name not in found:
            raise TaskError(
                f"{path} is the template of no prompt; there are {', '.join(sorted(found))}, each NAME{_SUFFIX}"
            )
        try:
            found[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TaskError(f"{path} cannot be read as UTF-8 text: {error}") from error
    return dict(sorted(found.items()))


class Prompts:
    """Renders templates. `hash` tells sets of templates apart, 16 hexadecimal digits.

    Raises `TaskError` for a template that cannot be read as one, here or when it is rendered.
    """

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._templates = dict(templates)
        said = "\0".join(f"{name}\0{text}" for name, text in sorted(self._templates.items()))
        self.hash = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The prompt of that name."""
        try:
            text = self._environment.get_template(name + _SUFFIX).render(values)
        except Exception as error:  # a template may be a user's, and can go wrong in any way
            where = getattr(error, "name", None) or name + _SUFFIX
            line = getattr(error, "lineno", None)
            raise TaskError(
                f"the prompt {where}{f', line {line}' if line else ''} cannot be rendered: {error}; mend it in the "
                f"task's folder prompts/, or remove it there to have the built-in one"
            ) from error
        # a lone surrogate could be neither sent nor written down
        return _tidy(text).encode(errors="replace").decode()

    @cached_property
    def _environment(self) -> SandboxedEnvironment:
        from jinja2 import DictLoader, StrictUndefined  # noqa: PLC0415 - not every search asks models
        from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

        environment = SandboxedEnvironment(
            loader=DictLoader({name + _SUFFIX: text for name, text in self._templates.items()}),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        filters: dict[str, Callable[..., str]] = {"fenced": fenced, "number": _number}
        environment.filters.update(filters)
        return environment


def fenced(text: str, path: str = "") -> str:
    """Text of somebody else between fences that do not occur in it, so that nothing in it ends them."""
    longest = max(map(len, re.findall(r"`+", text))) if "```" in text else 2
    ticks = "`" * (longest + 1)
    dot = path.rfind(".")
    language = _LANGUAGES.get(path[dot:], "") if dot >= 0 else ""
    return f"{ticks}{language}\n{text.strip(chr(10))}\n{ticks}"


def _tidy(text: str) -> str:
    """With a blank line before a heading, and never two in a row; what is in fences is to be copied as it is."""
    text = text.strip() + "\n"
    parts: list[str] = []
    last = ""
    at = 0
    while at < len(text):
        fence = _FENCE.search(text, at)
        # programs stand in fences, and are long: only what is outside of them is gone through line by line
        for line in text[at : fence.start() if fence else len(text)].split("\n")[:-1]:
            if line.startswith("#") and last:
                parts.append("\n")
                last = ""
            if line.strip() or last:
                parts.append(line + "\n")
                last = line
        if fence is None:
            break
        end = f"\n{fence.group()}\n"
        closed = text.find(end, fence.end())
        at = closed + len(end) if closed >= 0 else len(text)
        parts.append(text[fence.start() : at])
        last = end
    return "".join(parts) or "\n"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
