"""All edits of Python, with how often each is drawn."""

from __future__ import annotations

from collections.abc import Callable

from evolve.proposers._dice import Dice
from evolve.proposers._expressions import (
    call,
    combine,
    conditional,
    copy,
    exchange,
    negate,
    operator,
    perturb,
    rename,
    simplify,
)
from evolve.proposers._source import Source
from evolve.proposers._statements import adjust, duplicate, guard, remove, swap, test, unwrap
from evolve.proposers._terms import Edit

__all__ = ["EDITS"]

EDITS: tuple[tuple[float, Callable[[Source, Dice], Edit | None]], ...] = (
    (7.0, perturb),
    (1.5, operator),
    (2.0, copy),
    (3.0, combine),
    (3.0, conditional),
    (1.0, call),
    (0.6, negate),
    (1.5, simplify),
    (0.5, exchange),
    (0.8, rename),
    (0.7, remove),
    (0.2, duplicate),
    (0.3, swap),
    (0.4, unwrap),
    (1.5, guard),
    (0.4, test),
    (1.0, adjust),
)
"""(weight, edit): how often each is drawn. In searches of the bundled tasks changed numbers made a parent better most
often (2 to 17 % of their trials), then terms, conditions and guards; swapped and repeated statements hardly ever."""
