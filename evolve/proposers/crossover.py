"""Crossover: parts of one program replaced by those that another one has in their place."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeVar

from evolve.proposers._dice import Dice, decimal, number_text
from evolve.proposers._homology import Difference, differences, same
from evolve.proposers._reader import Reader, splice
from evolve.proposers._sites import ATOM, SIGN, precedence
from evolve.proposers._source import Source, shifted
from evolve.proposers._terms import Change, Edit, Term, brief, names_needed, put, usable, value_of
from evolve.regions import Regions
from evolve.syntax import number, parse
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial

__all__ = ["Crossover"]

T = TypeVar("T")

_MOST_LINES, _MOST_PAIRS = 2000, 100_000
"""Longer regions, and those with more pairs of equal lines, are not compared line by line, which may take time in the
cube of their length."""


class Crossover:
    """Makes a child of the first parent and another one, or an inspiration: a commit with two parents.

    Of functions (and other definitions) in which the two differ, some come from the other program. When they differ in
    one only, some of the expressions and statements in it do; when they differ in one place only, numbers are blended
    and other expressions are grafted elsewhere. In files that are not Python, some lines come from the other one.

    Args:
        regions: what may change.
        attempts: how often to draw again when the result does not parse or is one of the two programs.
    """

    def __init__(self, regions: Regions, *, attempts: int = 6) -> None:
        self._reader = Reader(regions)
        self._attempts = attempts

    def plan(self, selection: Selection, context: Context) -> Plan:
        """The first parent with parts of another one."""
        return partial(self._propose, selection, context)

    def _propose(self, selection: Selection, context: Context) -> Proposal:
        first = selection.parents[0]
        dice = Dice(context.rng)
        others = [
            trial
            for trial in (*selection.parents[1:], *selection.inspirations)
            if trial.program.files != first.program.files
        ]
        for _ in range(self._attempts if others else 0):
            other = dice.pick(others)
            try:
                crossed = self._cross(first.program, other.program, dice)
            except RecursionError:  # trees too deep to be compared
                continue
            if crossed is None:
                continue
            program, summary = crossed
            if program.files not in (first.program.files, other.program.files) and not self._reader.regions.problem(
                program
            ):
                return Proposal(
                    program=program,
                    parents=(first.number, other.number),
                    operator="crossover",
                    summary=f"{summary} from trial {other.number}",
                )
        return Proposal(
            program=first.program,
            parents=(first.number,),
            operator="crossover",
            summary="no change",
            rejected="there is no other program that differs from the parent in more than one part",
        )

    def tell(self, trial: Trial) -> None:
        """Crossover learns nothing."""

    def _cross(self, one: Program, other: Program, dice: Dice) -> tuple[Program, str] | None:
        paths = [path for path in self._reader.paths(one) if other.files.get(path, one.files[path]) != one.files[path]]
        if not paths:
            return None
        path = dice.pick(paths)
        sources = self._reader.source(one, path), self._reader.source(other, path)
        if sources[0] is not None and sources[1] is not None:
            edit = _Pair(sources[0], sources[1], dice).edit()
            changed = splice(sources[0].text, edit.changes) if edit else ""
            if edit is None or parse(changed) is None:
                return None
        else:
            spans = self._reader.spans(one, path), self._reader.spans(other, path)
            edit = _lines(one.text(path), other.text(path), spans, dice)
            if edit is None:
                return None
            changed = splice(one.text(path), edit.changes)
        where = f" ({path})" if len(paths) > 1 else ""
        return one.replace({path: changed.encode()}), edit.summary + where


class _Pair:
    """Two versions of a Python file: `one` is changed, the other gives."""

    def __init__(self, one: Source, other: Source, dice: Dice) -> None:
        self.one = one
        self.other = other
        self.dice = dice

    def edit(self) -> Edit | None:
        """Some, never all, of what differs."""
        ours, theirs = _definitions(self.one), _definitions(self.other)
        differing = [name for name in ours if name in theirs and not same(ours[name], theirs[name])]
        if len(differing) > 1:
            return self._definitions(ours, theirs, _some(differing, self.dice))
        if not differing:
            return None
        name = differing[0]
        found = [d for d in differences(ours[name], theirs[name]) or () if d.one[0] is not ours[name]]
        if len(found) > 1:
            return self._parts(found, name)
        if not found:
            return None
        return self._blend(found[0], name) or self._graft(found[0], name)

    def _definitions(
        self, ours: Mapping[str, ast.stmt], theirs: Mapping[str, ast.stmt], names: Sequence[str]
    ) -> Edit | None:
        """Take whole definitions, and those of theirs that they need and we have not."""
        changes: list[Change] = []
        missing: dict[str, None] = {}
        for name in names:
            change = self._statements(Difference([ours[name]], [theirs[name]]))
            if change is None:
                return None
            changes.append(change)
            self._collect(theirs[name], ours, theirs, missing)
        first = min(start for start, _, _ in changes)
        for name in missing:
            lines = self.other.lines(theirs[name])
            if lines is not None:
                changes.append((first, first, self.other.text[slice(*lines)] + self.one.newline))
        return Edit(tuple(changes), f"take {', '.join(names[:4])}{' and more' if len(names) > 4 else ''}")

    def _collect(
        self, node: ast.stmt, ours: Mapping[str, ast.stmt], theirs: Mapping[str, ast.stmt], missing: dict[str, None]
    ) -> None:
        """Note the definitions of theirs that `node` needs, what those need first."""
        for name in sorted({part.id for part in ast.walk(node) if isinstance(part, ast.Name)}):
            if name in theirs and name not in ours and name not in missing and theirs[name] is not node:
                missing[name] = None
                self._collect(theirs[name], ours, theirs, missing)
                missing[name] = missing.pop(name)

    def _parts(self, found: list[Difference], name: str) -> Edit | None:
        """Take some of the expressions and statements in which one definition differs."""
        taken = _some(found, self.dice)
        changes = [self._change(difference) for difference in taken]
        made = tuple(change for change in changes if change is not None)
        return Edit(made, f"take {len(made)} of {len(found)} differences in {name}") if made else None

    def _change(self, difference: Difference) -> Change | None:
        pair = difference.expressions
        if pair is None:
            return self._statements(difference)
        ours, theirs = pair
        if any(name in self.other.names and name not in self.one.names for name in names_needed(theirs)):
            return None
        term = Term(self.other.code(theirs), precedence(theirs))
        site = self.one.site_of(ours)
        if site is not None:
            return put(self.one, site, term)
        return (*self.one.span(ours), term.within(ATOM))

    def _statements(self, difference: Difference) -> Change | None:
        """Whole lines for whole lines, indented as ours are."""
        assert all(isinstance(part, ast.stmt) for part in (*difference.one, *difference.other))
        ours = self.one.lines(difference.one[0]), self.one.lines(difference.one[-1])
        theirs = self.other.lines(difference.other[0]), self.other.lines(difference.other[-1])
        if ours[0] is None or ours[1] is None or theirs[0] is None or theirs[1] is None:
            return None
        text = self.other.text[theirs[0][0] : theirs[1][1]]
        text = shifted(text, self.other.indent(difference.other[0]), self.one.indent(difference.one[0])) or ""
        if not text:
            return None
        if not text.endswith(("\n", "\r")) and ours[1][1] < len(self.one.text):
            text += self.one.newline
        return ours[0][0], ours[1][1], text

    def _blend(self, difference: Difference, name: str) -> Edit | None:
        """A number between two numbers, or a little beyond."""
        pair = difference.expressions
        site = self.one.site_of(pair[0]) if pair else None
        if pair is None or site is None or not (number(pair[0]) and number(pair[1])):
            return None
        ours, theirs = value_of(pair[0]), value_of(pair[1])
        for _ in range(8):
            value = ours + (theirs - ours) * self.dice.between(-0.3, 1.3)
            value = round(value) if isinstance(ours, int) else decimal(value)
            if value not in (ours, theirs):
                term = Term(number_text(value), SIGN if value < 0 else ATOM)
                return Edit((put(self.one, site, term),), f"blend {number_text(ours)} into {term.text} in {name}")
        return None

    def _graft(self, difference: Difference, name: str) -> Edit | None:
        """An expression of what only they have, put somewhere else into our definition."""
        start, end = self.other.span(difference.other[0])[0], self.other.span(difference.other[-1])[1]
        donors = [
            s for s in self.other.numbers if start <= self.other.span(s.node)[0] and self.other.span(s.node)[1] <= end
        ]
        places = [site for site in self.one.numbers if site.scope.name == name and not site.integer]
        if not donors or not places:
            return None
        donor, place = self.dice.pick(donors).node, self.dice.pick(places)
        if not usable(self.one, donor, place):
            return None
        term = Term(self.other.code(donor), precedence(donor))
        summary = f"put {brief(term.text)} for {brief(self.one.code(place.node))} in {name}"
        return Edit((put(self.one, place, term),), summary)


def _definitions(source: Source) -> dict[str, ast.stmt]:
    """The statements of the module that bind one name each and may change."""
    found: dict[str, ast.stmt] = {}
    for statement in source.tree.body:
        if not source.inside(statement):
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            if isinstance(statement.targets[0], ast.Name):
                found[statement.targets[0].id] = statement
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = statement
    return found


def _some(items: Sequence[T], dice: Dice) -> list[T]:
    """At least one of the items, and not all of them."""
    while True:
        taken = [item for item in items if dice.chance(0.5)]
        if 0 < len(taken) < len(items):
            return taken


def _lines(
    one: str, other: str, spans: tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]], dice: Dice
) -> Edit | None:
    """Some of the runs of lines in which two texts differ."""
    hunks: list[Change] = []
    for (start, end), (low, high) in zip(*spans, strict=False):
        ours, theirs = one[start:end].splitlines(keepends=True), other[low:high].splitlines(keepends=True)
        known = Counter(theirs)
        if max(len(ours), len(theirs)) > _MOST_LINES or sum(known[line] for line in ours) > _MOST_PAIRS:
            continue
        offsets = [start]
        for line in ours:
            offsets.append(offsets[-1] + len(line))
        for kind, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
            if kind != "equal":
                hunks.append((offsets[a], offsets[b], "".join(theirs[c:d])))
    if len(hunks) < 2:
        return None
    taken = _some(hunks, dice)
    return Edit(tuple(taken), f"take {len(taken)} of {len(hunks)} runs of lines")
