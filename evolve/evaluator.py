"""What an `evaluate.py` may import: `from evolve.evaluator import Evaluation, stage`.

It is there wherever an evaluator runs, so this file imports the standard library alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

__all__ = ["Evaluation", "stage", "threshold_of"]

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__evolve_stage__"


@dataclass
class Evaluation:
    """What `evaluate` may return instead of a number or a dict: the same keys, by name.

    `score` is one finite number in your unit. `metrics` are further figures, `measures` numbers that describe what kind
    of program it is, `instances` scores by name, `objectives` what is optimised beside the score, `feedback` text for
    the next proposer, `artifacts` text or bytes by file name.
    """

    score: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    instances: Mapping[str, float] = field(default_factory=dict)
    objectives: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""
    artifacts: Mapping[str, str | bytes] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The keys that were given, as a dict that `evaluate` could have returned."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value not in ({}, "")}


def stage(function: Function | None = None, *, threshold: float | None = None) -> Any:
    """Make a function a stage of the evaluation. Stages run in the order in which the file defines them.

    Put cheap ones first. A program goes on to the next stage when its score in this one is at least `threshold` (at
    most, when the task minimizes); without one, any score will do.

    Raises `TypeError` when the threshold is no number.
    """
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise TypeError(f"the threshold of a stage is {threshold!r}: it is a number")

    def mark(marked: Function) -> Function:
        setattr(marked, _MARK, threshold)
        return marked

    return mark if function is None else mark(function)


def threshold_of(function: Callable[..., Any]) -> tuple[bool, float | None]:
    """Whether a function was made a stage, and its threshold."""
    return hasattr(function, _MARK), getattr(function, _MARK, None)
