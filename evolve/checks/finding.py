"""What a check of a task has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Level"]

Level: TypeAlias = Literal["ok", "warning", "error"]
"""With an error no search can work, or none should be believed; a warning is for a person to judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names what was looked at, `text` says how it is, and `fix` what to do when it is not well."""

    level: Level
    about: str
    text: str
    fix: str = ""
