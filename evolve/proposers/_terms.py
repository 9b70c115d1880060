"""Texts of expressions, and how they are put into a place: what edits are made of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evolve.proposers._dice import Dice, number_text
from evolve.proposers._sites import ATOM, BIT_OR, COMPARE, CONDITIONAL, POWER, SIGN, SUM, TERM, Site, precedence
from evolve.proposers._source import Change, Source

__all__ = [
    "Change",
    "Edit",
    "Term",
    "binary_term",
    "brief",
    "condition_term",
    "constant_term",
    "copy_term",
    "is_number",
    "known_numbers",
    "names_needed",
    "operand_term",
    "own_term",
    "place",
    "put",
    "usable",
    "value_of",
    "variant_term",
]


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of a text that do not overlap, and what they are in words."""

    changes: tuple[Change, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Term:
    """The text of an expression and how tightly it binds."""

    text: str
    binds: int = ATOM

    def within(self, need: int) -> str:
        """The text, in parentheses when it would not hold together otherwise."""
        return f"({self.text})" if self.binds < need or "\n" in self.text else self.text


def brief(text: str, limit: int = 36) -> str:
    """`text` on one line, cut, with what cannot be printed left out."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def put(source: Source, site: Site, term: Term) -> Change:
    """The change that puts `term` in place of a site."""
    start, end = source.span(site.node)
    enclosed = site.need > CONDITIONAL and source.enclosed(start, end)
    text = term.within(CONDITIONAL if enclosed else site.need)
    # `return-x` and `1if` are legal, `returny` and `xif` are something else
    if start and _word(source.text[start - 1]) and _word(text[0]):
        text = " " + text
    if end < len(source.text) and _word(source.text[end]) and _word(text[-1]):
        text += " "
    return start, end, text


def _word(character: str) -> bool:
    return character.isalnum() or character in "_."


def place(site: Site) -> str:
    """Where a site is, for a summary."""
    return f" in {site.scope.name}" if site.scope.name else ""


def known_numbers(source: Source) -> list[float]:
    """The numbers of the evolving text."""
    return [value_of(site.node) for site in source.literals]


def value_of(node: ast.expr) -> float:
    """What a numeric literal with its signs says."""
    sign = 1
    while isinstance(node, ast.UnaryOp):
        node, sign = node.operand, -sign
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, int | float)
    return sign * node.value


def names_needed(node: ast.expr) -> Iterator[str]:
    """The names that an expression needs from outside."""
    own = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    own |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id not in own:
            yield part.id


def usable(source: Source, node: ast.expr, site: Site) -> bool:
    """Whether all names of an expression are there at `site`: bound in its scopes, or built in."""
    return all(site.scope.find(name, site.line) is not None or name not in source.names for name in names_needed(node))


def copy_term(source: Source, dice: Dice, site: Site, among: list[Site], *, own: bool = False) -> Term | None:
    """An expression of the program whose names are there at `site`: another one, unless its `own` will do as well."""
    here = source.span(site.node)
    for _ in range(4 if among else 0):
        other = dice.pick(among)
        start, end = source.span(other.node)
        if (own or (start, end) != here) and end - start <= 200 and usable(source, other.node, site):
            return Term(source.text[start:end], precedence(other.node))
    return None


def constant_term(source: Source, dice: Dice) -> Term:
    """A number, one of the program's or a new one."""
    value = dice.constant(known_numbers(source))
    return Term(number_text(value), SIGN if value < 0 else ATOM)


def name_term(dice: Dice, site: Site) -> Term | None:
    """A name that holds a number at `site`."""
    names = site.scope.numbers_before(site.line)
    if not names:
        return None
    # inner scopes come first, and what is near is what matters most
    return Term(names[min(dice.below(len(names)), dice.below(len(names)))])


def operand_term(source: Source, dice: Dice, site: Site) -> Term:
    """A number from what is at hand."""
    draw = dice.below(10)
    term = None
    if draw < 4:
        term = name_term(dice, site)
    elif draw < 6:
        term = copy_term(source, dice, site, source.numbers)
    return term or constant_term(source, dice)


def condition_term(source: Source, dice: Dice, site: Site) -> Term | None:
    """A comparison of something at hand with something else, or with a range. None when nothing is at hand."""
    if source.truths and dice.chance(0.1) and (copied := copy_term(source, dice, site, source.truths)):
        return copied
    subject = name_term(dice, site)
    if subject is None:
        return None
    if dice.chance(0.4) and (copied := copy_term(source, dice, site, source.compound, own=True)):
        subject = copied
    text, known = subject.within(BIT_OR), known_numbers(source)
    if dice.chance(0.2):
        low, high = sorted((dice.threshold(known), dice.threshold(known)))
        if low != high:
            return Term(f"{number_text(low)} < {text} < {number_text(high)}", COMPARE)
    if dice.chance(0.85):
        value = dice.threshold(known)
        bound = Term(number_text(value), SIGN if value < 0 else ATOM)
    else:
        bound = operand_term(source, dice, site)
    return Term(f"{text} {dice.pick(('<', '>', '<=', '>='))} {bound.within(BIT_OR)}", COMPARE)


def is_number(text: str) -> bool:
    """Whether a text is a plain numeric literal."""
    return text.lstrip("-").replace(".", "", 1).isdigit()


def binary_term(left: Term, operator: str, right: Term) -> Term:
    """An arithmetic operation."""
    binds = {"+": SUM, "-": SUM, "**": POWER}.get(operator, TERM)
    if operator == "**":
        return Term(f"{left.within(ATOM)} ** {right.within(SIGN)}", POWER)
    return Term(f"{left.within(binds)} {operator} {right.within(binds + 1)}", binds)


def variant_term(source: Source, dice: Dice, site: Site, own: Term) -> Term:
    """Something else that may stand where `own` stands."""
    draw = dice.below(10)
    if draw < 3:
        return binary_term(own, dice.pick(("+", "-")), constant_term(source, dice))
    if draw < 5:
        return binary_term(
            own, dice.pick(("*", "/")), Term(number_text(abs(dice.constant(known_numbers(source))) or 2))
        )
    if draw < 6:
        return Term(f"-{own.within(SIGN)}", SIGN)
    if draw < 8:
        return constant_term(source, dice)
    if draw < 9:
        return binary_term(own, dice.pick(("+", "-", "*")), operand_term(source, dice, site))
    return operand_term(source, dice, site)


def own_term(source: Source, site: Site) -> Term:
    """What stands at a site."""
    return Term(source.code(site.node), precedence(site.node))
