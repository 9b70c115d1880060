"""What the simulated model can think of: kinds of edits, some of which come out well only after others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolve.proposers._dice import Dice, number_text
from evolve.proposers._expressions import call, combine, conditional, copy, operator, perturb, simplify
from evolve.proposers._reader import Reader, splice
from evolve.proposers._source import Source
from evolve.proposers._statements import adjust, guard, remove
from evolve.proposers._terms import Edit
from evolve.proposers.crossover import Crossover
from evolve.proposers.mutation import Mutation
from evolve.regions import Regions
from evolve.simulated_prompt import Shown
from evolve.syntax import is_python, parse
from evolve.types import Context, Evaluation, Program, Selection, Status, Trial

__all__ = ["IDEAS", "changed"]

Maker = Callable[[Source, Dice], Edit | None]
Change = tuple[Program | None, str]


@dataclass(frozen=True, slots=True)
class _Idea:
    """Kinds of edits, and the ideas that a program needs to have for them to come out well."""

    needs: tuple[str, ...]
    edits: tuple[Maker, ...]


IDEAS: Mapping[str, _Idea] = {
    "better constants": _Idea((), (perturb, perturb, adjust)),
    "special cases": _Idea(("better constants",), (conditional, guard, perturb)),
    "more terms": _Idea(("better constants",), (combine, copy, perturb)),
    "curved terms": _Idea(("more terms",), (call, operator, perturb)),
    "less code": _Idea(("special cases", "more terms"), (simplify, remove, perturb)),
}
"""What it can think of. An idea in a program is told by a comment, `# ideas: better constants`."""

_STRUCTURAL = ("special cases", "more terms", "curved terms", "less code")
_COMMENT = re.compile(r"^[ \t]*# ideas: (?P<ideas>[a-z, ]*)\n", re.MULTILINE)
_SPOILT = re.compile(r"\bno_such_name\b|\(0 / 0\)")


def changed(shown: Shown, dice: Dice, *, bad: bool) -> Change:
    """The program with an idea more, a mend, or parts of another; or a bad one. And what is said of it."""
    program, regions = shown.program, shown.regions
    reader = Reader(regions)
    paths = [path for path in reader.paths(program) if is_python(path) and reader.source(program, path) is not None]
    if not paths:
        return _mutated(program, regions, dice)
    path = dice.pick(paths)
    if not bad and (mended := _mended(program, path, regions, dice)) is not None:
        return mended, "mend what raised"
    if not bad and shown.others and dice.chance(0.7 if shown.combine else 0.15):
        crossed = _crossed(program, path, regions, dice.pick(shown.others), dice)
        if crossed is not None:
            return crossed, "take over what another program has"
    said: list[str] = []
    for number in range(_edits(shown, dice)):
        name, ready = _thought(program.text(path), shown, dice)
        if bad or not (ready or number):
            return _spoilt(program, path, reader, dice), f"try {name}"
        edited = _edited(program, path, reader, name, dice) if ready else None
        if edited is not None:
            program = edited
            said.append(name)
    return (program, f"use {', '.join(dict.fromkeys(said))}") if said else _mutated(program, regions, dice)


def _edits(shown: Shown, dice: Dice) -> int:
    """How many: few in blocks, more in what is written anew, most in what is meant to be different."""
    if shown.different and not shown.blocks:
        return 3 + dice.below(4)
    return 1 + (dice.chance(0.3) if shown.blocks else dice.below(3))


def _thought(text: str, shown: Shown, dice: Dice) -> tuple[str, bool]:
    """An idea, and whether the program has what it needs."""
    have, nearby = _ideas(text), _ideas(shown.elsewhere)
    table = []
    for name, idea in IDEAS.items():
        weight = 1.0 if all(need in have for need in idea.needs) else 0.2
        weight += 2.0 * (name in nearby and name not in have)
        table.append((weight * (2.0 if shown.different and name in _STRUCTURAL else 1.0), name))
    name = dice.weighted(table)
    return name, all(need in have for need in IDEAS[name].needs)


def _edited(program: Program, path: str, reader: Reader, name: str, dice: Dice) -> Program | None:
    """With one edit of an idea's kinds."""
    text = program.text(path)
    source = reader.source(program, path)
    for _ in range(12 if source is not None else 0):
        assert source is not None
        edits = [edit for maker in IDEAS[name].edits if (edit := maker(source, dice)) is not None]
        made = splice(text, [] if not edits else dice.pick(edits).changes)
        if made != text and parse(made) is not None:
            candidate = program.replace({path: made.encode()})
            if reader.regions.problem(candidate) is None:
                return _with_ideas(candidate, path, reader.regions, [*_ideas(text), name])
    return None


def _ideas(text: str) -> list[str]:
    return [name for match in _COMMENT.finditer(text) for name in IDEAS if name in match["ideas"].split(", ")]


def _with_ideas(program: Program, path: str, regions: Regions, ideas: Sequence[str]) -> Program:
    """With the comment that tells the ideas, at the beginning of the first region."""
    text = program.text(path)
    start = regions.spans(program, path)[0][0]
    old = _COMMENT.search(text, start)
    line = f"# ideas: {', '.join(name for name in IDEAS if name in ideas)}\n"
    marked = text[: old.start()] + line + text[old.end() :] if old else text[:start] + line + text[start:]
    return program.replace({path: marked.encode()}) if parse(marked) is not None else program


def _crossed(program: Program, path: str, regions: Regions, other: Program, dice: Dice) -> Program | None:
    """With parts of another program, whose ideas come along."""
    selection = Selection(parents=(_trial(program, 0), _trial(other, 1)))
    proposal = Crossover(regions).plan(selection, _context(dice))()
    if proposal.rejected:
        return None
    ideas = [*_ideas(program.text(path)), *_ideas(other.text(path))]
    return _with_ideas(proposal.program, path, regions, ideas) if ideas else proposal.program


def _mutated(program: Program, regions: Regions, dice: Dice) -> Change:
    """In any language: another number, or the like."""
    proposal = Mutation(regions).plan(Selection(parents=(_trial(program, 0),)), _context(dice))()
    return (None if proposal.rejected else proposal.program), proposal.summary


def _trial(program: Program, number: int) -> Trial:
    known = Evaluation(status=Status.OK, score=0.0, fitness=0.0)
    return Trial(number=number, program=program, parents=(), operator="shown", summary="", evaluation=known)


def _context(dice: Dice) -> Context:
    return Context(0, np.random.default_rng(dice.below(2**31)))


def _mended(program: Program, path: str, regions: Regions, dice: Dice) -> Program | None:
    """With numbers again in the place of what `_spoilt` put there; None when there is no such thing."""
    text = program.text(path)
    for start, end in reversed(regions.spans(program, path)):
        inner = _SPOILT.sub(lambda _: number_text(dice.constant(())), text[start:end])
        text = text[:start] + inner + text[end:]
    if text == program.text(path) or parse(text) is None:
        return None
    return program.replace({path: text.encode()})


def _spoilt(program: Program, path: str, reader: Reader, dice: Dice) -> Program | None:
    """With an idea that does not come out well: a name that nobody knows in the place of a number."""
    source = reader.source(program, path)
    if source is None or not source.numbers:
        return None
    start, end = source.span(dice.pick(source.numbers).node)
    spoilt = splice(source.text, [(start, end, dice.pick(("no_such_name", "(0 / 0)")))])
    return program.replace({path: spoilt.encode()}) if parse(spoilt) is not None else None
