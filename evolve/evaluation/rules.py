"""How a task wants its programs made ready and its results taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from evolve.types import Program

__all__ = ["Direction", "Rules"]

Direction: TypeAlias = Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds for every program of a task.

    `direction` is the score's; `objectives` are what is optimised beside it, each with its direction. `thresholds` are
    those of the stages but the last, where `evaluate.py` names none. `module` is where `program.call("function")`
    looks: without it, the program's only Python file, else `program.py`, else `main.py`. `build` is a command that runs
    in the program's folder before it is scored. `beside` are files that lie in that folder with it.
    """

    direction: Direction = "maximize"
    objectives: Mapping[str, Direction] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()
    module: str | None = None
    build: tuple[str, ...] = ()
    beside: Program = field(default_factory=lambda: Program({}))

    def laid(self, program: Program) -> Program:
        """The program with `beside`, which wins: what the program has below the same top names is left out."""
        if not self.beside.files:
            return program
        taken = {path.partition("/")[0] for path in self.beside.files}
        own = {path: content for path, content in program.files.items() if path.partition("/")[0] not in taken}
        executables = (program.executables & own.keys()) | self.beside.executables
        return Program({**own, **self.beside.files}, executables)
