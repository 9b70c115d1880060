"""Mutation: small random edits of one parent, which keep the text around them."""

from __future__ import annotations

from functools import partial

from evolve.proposers._dice import Dice, number_text
from evolve.proposers._edits import EDITS
from evolve.proposers._reader import Reader, plain_numbers, splice
from evolve.proposers._source import Source
from evolve.proposers._statements import prune
from evolve.proposers._terms import Edit
from evolve.regions import Regions
from evolve.syntax import parse
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial

__all__ = ["Mutation"]

_MOST_EDITS = 3


class Mutation:
    """Edits numbers, operators, expressions and statements of a Python file; in other files, numbers only.

    Args:
        regions: what may change.
        more: the probability that one more edit is made, after each, up to 3.
        attempts: how often to draw again when an edit cannot be made or its text does not parse.
    """

    def __init__(self, regions: Regions, *, more: float = 0.3, attempts: int = 12) -> None:
        self._reader = Reader(regions)
        self._more = more
        self._attempts = attempts

    def plan(self, selection: Selection, context: Context) -> Plan:
        """The first parent with one to three edits."""
        return partial(self._propose, selection, context)

    def _propose(self, selection: Selection, context: Context) -> Proposal:
        parent = selection.parents[0]
        dice = Dice(context.rng)
        paths = self._reader.paths(parent.program)
        for _ in range(self._attempts if paths else 0):
            path = dice.pick(paths)
            text = parent.program.text(path)
            source = self._reader.source(parent.program, path)
            edits = (
                self._edits(source, dice) if source else _numbers(text, self._reader.spans(parent.program, path), dice)
            )
            changed = splice(text, [change for edit in edits for change in edit.changes])
            if changed == text or (source is not None and parse(changed) is None):
                continue
            program = parent.program.replace({path: changed.encode()})
            if self._reader.regions.problem(program) is None:
                where = f" ({path})" if len(paths) > 1 else ""
                return _proposal(parent, program, "; ".join(edit.summary for edit in edits) + where)
        return _proposal(
            parent, parent.program, "no change", rejected="nothing in the evolving regions could be changed"
        )

    def tell(self, trial: Trial) -> None:
        """Mutation learns nothing."""

    def _edits(self, source: Source, dice: Dice) -> list[Edit]:
        """One to three edits that do not touch each other, and perhaps one that takes out what is never reached."""
        edits: list[Edit] = []
        number = 1
        while number < _MOST_EDITS and dice.chance(self._more):
            number += 1
        for _ in range(4 * number):
            edit = dice.weighted(EDITS)(source, dice)
            if edit is not None and not any(_touch(edit, other) for other in edits):
                edits.append(edit)
            if len(edits) == number:
                break
        pruned = prune(source, dice)
        if pruned is not None and edits and dice.chance(0.5) and not any(_touch(pruned, other) for other in edits):
            edits.append(pruned)
        return edits


def _touch(one: Edit, other: Edit) -> bool:
    return any(a[0] <= b[1] and b[0] <= a[1] for a in one.changes for b in other.changes)


def _numbers(text: str, spans: tuple[tuple[int, int], ...], dice: Dice) -> list[Edit]:
    """Another number in a text of any language, if there is one."""
    found = plain_numbers(text, spans)
    if not found:
        return []
    match = dice.pick(found)
    old = match.group()
    value = int(old) if old.isdigit() else float(old)
    new = abs(dice.nudge(value))  # where a sign may stand depends on the language
    if new == value:
        return []
    return [Edit(((*match.span(), number_text(new)),), f"replace {old} by {number_text(new)}")]


def _proposal(parent: Trial, program: Program, summary: str, rejected: str = "") -> Proposal:
    return Proposal(program=program, parents=(parent.number,), operator="mutation", summary=summary, rejected=rejected)
