"""Edits of expressions, one function each: a place is drawn, a change is drawn, the text for it is written.

Each takes the source and the dice and gives an `Edit`, or None when what it drew cannot be changed that way.
"""

from __future__ import annotations

import ast
import re

from evolve.proposers._dice import Dice, number_text
from evolve.proposers._sites import AND, ATOM, CONDITIONAL, NOT, OR, SIGN, Kind, Site, precedence
from evolve.proposers._source import Source
from evolve.proposers._terms import (
    Edit,
    Term,
    binary_term,
    brief,
    condition_term,
    constant_term,
    copy_term,
    is_number,
    known_numbers,
    operand_term,
    own_term,
    place,
    put,
    value_of,
    variant_term,
)

__all__ = [
    "call",
    "combine",
    "conditional",
    "copy",
    "exchange",
    "negate",
    "operator",
    "perturb",
    "rename",
    "simplify",
]


def perturb(source: Source, dice: Dice) -> Edit | None:
    """Another number."""
    if not source.literals:
        return None
    site = dice.pick(source.literals)
    old = value_of(site.node)
    value = dice.nudge(old, [] if isinstance(old, int) else known_numbers(source))
    term = Term(number_text(value), SIGN if value < 0 else ATOM)
    return Edit((put(source, site, term),), f"replace {source.code(site.node)} by {term.text}{place(site)}")


_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-", "*")),
    ast.Sub: ("-", ("+", "*", "/")),
    ast.Mult: ("*", ("/", "+", "-")),
    ast.Div: ("/", ("*", "-", "//")),
    ast.FloorDiv: ("//", ("/", "*", "%")),
    ast.Mod: ("%", ("//", "-", "*")),
    ast.Pow: ("**", ("*",)),
    ast.BitAnd: ("&", ("|", "^")),
    ast.BitOr: ("|", ("&", "^")),
    ast.BitXor: ("^", ("&", "|")),
    ast.LShift: ("<<", (">>",)),
    ast.RShift: (">>", ("<<",)),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">", ">=")),
    ast.LtE: ("<=", ("<", ">=", ">")),
    ast.Gt: (">", (">=", "<", "<=")),
    ast.GtE: (">=", (">", "<=", "<")),
    ast.Eq: ("==", ("!=", "<=", ">=")),
    ast.NotEq: ("!=", ("==", "<", ">")),
}


def operator(source: Source, dice: Dice) -> Edit | None:
    """Another operator between two operands."""
    sites = [site for site in source.sites if isinstance(site.node, ast.BinOp | ast.Compare | ast.BoolOp)]
    if not sites:
        return None
    site = dice.pick(sites)
    node = site.node
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        old, others = _ARITHMETIC.get(type(node.op), ("", ())) if site.kind is Kind.NUMBER else ("", ())
    elif isinstance(node, ast.Compare):
        at = dice.below(len(node.ops))
        left, right = [node.left, *node.comparators][at : at + 2]
        old, others = _COMPARISONS.get(type(node.ops[at]), ("", ()))
    else:
        assert isinstance(node, ast.BoolOp)
        left, right = node.values[:2]
        old, others = ("and", ("or",)) if isinstance(node.op, ast.And) else ("or", ("and",))
    return _between(source, site, left, right, old, dice.pick(others)) if others else None


def _between(source: Source, site: Site, left: ast.expr, right: ast.expr, old: str, new: str) -> Edit | None:
    """Replace the operator in the text between two operands."""
    start, end = source.span(left)[1], source.span(right)[0]
    match = re.fullmatch(rf"[\s)\\]*({re.escape(old)})[\s(\\]*", source.text[start:end])
    if match is None:
        return None
    change = (start + match.start(1), start + match.end(1), new)
    return Edit((change,), f"replace {old} by {new} in {brief(source.code(site.node))}{place(site)}")


def copy(source: Source, dice: Dice) -> Edit | None:
    """A number, or a condition, replaced by another one of the program, by a name or by a constant."""
    if dice.chance(0.15) and len(source.truths) > 1:
        site = dice.pick(source.truths)
        term = copy_term(source, dice, site, source.truths)
    elif source.numbers:
        site = dice.pick(source.numbers)
        if site.integer:
            return None
        term = operand_term(source, dice, site)
    else:
        return None
    if term is None or term.text == source.code(site.node):
        return None
    old = brief(source.code(site.node))
    return Edit((put(source, site, term),), f"replace {old} by {brief(term.text)}{place(site)}")


def combine(source: Source, dice: Dice) -> Edit | None:
    """A number with something added, subtracted, multiplied or divided."""
    site = _number(source, dice)
    if site is None:
        return None
    own = own_term(source, site)
    symbol = dice.weighted(((4, "+"), (4, "-"), (4, "*"), (1, "/"), (0.3, "%")))
    other = operand_term(source, dice, site)
    if dice.chance(0.35) and not is_number(other.text):
        other = binary_term(constant_term(source, dice), "*", other)
    first, second = (other, own) if dice.chance(0.3) and not is_number(own.text) else (own, other)
    term = binary_term(first, symbol, second)
    return Edit((put(source, site, term),), f"replace {brief(own.text)} by {brief(term.text, 48)}{place(site)}")


def _number(source: Source, dice: Dice) -> Site | None:
    """A site with a number that need not stay an integer; what a statement returns or assigns is twice as likely."""
    if not source.numbers:
        return None
    site = dice.pick(source.numbers)
    if not site.whole:
        site = dice.pick(source.numbers)
    return None if site.integer else site


def conditional(source: Source, dice: Dice) -> Edit | None:
    """An expression wrapped into a conditional one, beside a variant of itself."""
    site = _number(source, dice)
    if site is None:
        return None
    own = own_term(source, site)
    condition = condition_term(source, dice, site)
    variant = variant_term(source, dice, site, own)
    if condition is None or variant.text == own.text:
        return None
    first, second = (own, variant) if dice.chance(0.5) else (variant, own)
    term = Term(f"{first.within(OR)} if {condition.within(OR)} else {second.within(OR)}", CONDITIONAL)
    return Edit((put(source, site, term),), f"wrap {brief(own.text)} in `{brief(term.text, 60)}`{place(site)}")


def call(source: Source, dice: Dice) -> Edit | None:
    """A number bounded, made positive, raised to a power or passed through a function of `math`."""
    site = _number(source, dice)
    if site is None or is_number(source.code(site.node)):
        return None
    own = own_term(source, site)
    draw = dice.below(10)
    modules = [name for name in ("math", "np", "numpy") if name in source.module.bound]
    if draw < 5:
        term = Term(f"{dice.pick(('min', 'max'))}({own.text}, {operand_term(source, dice, site).text})")
    elif draw < 6:
        term = Term(f"abs({own.text})")
    elif draw < 8 or not modules:
        term = binary_term(own, "**", Term(dice.pick(("2", "0.5", "1.5", "3"))))
    else:
        module = dice.pick(modules)
        form = dice.pick(("{}.sqrt(abs({}))", "{}.exp(-abs({}))", "{}.sin({})", "{}.cos({})", "{}.tanh({})"))
        form = form if dice.chance(0.85) else "{}.log(1 + abs({}))"
        term = Term(form.format(module, own.text))
    return Edit((put(source, site, term),), f"replace {brief(own.text)} by {brief(term.text, 48)}{place(site)}")


def negate(source: Source, dice: Dice) -> Edit | None:
    """A condition turned round, or joined with another one."""
    if not source.truths:
        return None
    site = dice.pick(source.truths)
    own = own_term(source, site)
    if isinstance(site.node, ast.UnaryOp) and isinstance(site.node.op, ast.Not):
        inner = site.node.operand
        term = Term(source.code(inner), precedence(inner))
        start, end = source.span(inner)
        if source.enclosed(start, end):
            term = Term(f"({term.text})")
    elif dice.chance(0.3):
        term = Term(f"not {own.within(NOT)}", NOT)
    else:
        condition = condition_term(source, dice, site)
        if condition is None:
            return None
        word, binds = dice.pick((("and", AND), ("or", OR)))
        term = Term(f"{own.within(binds)} {word} {condition.within(binds + 1)}", binds)
    return Edit((put(source, site, term),), f"replace {brief(own.text)} by {brief(term.text, 48)}{place(site)}")


def simplify(source: Source, dice: Dice) -> Edit | None:
    """An expression replaced by one of its parts."""
    sites = [s for s in source.sites if isinstance(s.node, ast.BinOp | ast.IfExp | ast.BoolOp | ast.Call)]
    if not sites:
        return None
    site = dice.pick(sites)
    node = site.node
    parts: list[ast.expr]
    if isinstance(node, ast.BinOp):
        parts = [node.left, node.right]
    elif isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse]
    elif isinstance(node, ast.BoolOp):
        parts = node.values
    else:
        assert isinstance(node, ast.Call)
        if site.kind is not Kind.NUMBER or (isinstance(node.func, ast.Name) and node.func.id in {"len", "sum"}):
            return None
        parts = [part for part in node.args if not isinstance(part, ast.Starred)]
    if not parts:
        return None
    part = dice.pick(parts)
    term = Term(source.code(part), precedence(part))
    return Edit((put(source, site, term),), f"reduce {brief(source.code(node))} to {brief(term.text)}{place(site)}")


def exchange(source: Source, dice: Dice) -> Edit | None:
    """Two operands, arguments or branches change places."""
    sites = [s for s in source.sites if isinstance(s.node, ast.BinOp | ast.Compare | ast.IfExp | ast.Call)]
    if not sites:
        return None
    site = dice.pick(sites)
    node = site.node
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Add | ast.Mult):
            return None
        pair = [node.left, node.right]
    elif isinstance(node, ast.Compare):
        pair = [node.left, node.comparators[0]] if len(node.ops) == 1 else []
    elif isinstance(node, ast.IfExp):
        pair = [node.body, node.orelse]
    else:
        assert isinstance(node, ast.Call)
        at = dice.below(max(1, len(node.args) - 1))
        pair = node.args[at : at + 2]
    if len(pair) != 2 or any(isinstance(part, ast.Starred | ast.GeneratorExp) for part in pair):
        return None
    places = source.site_of(pair[0]), source.site_of(pair[1])
    if places[0] is None or places[1] is None:
        return None
    one, other = own_term(source, places[0]), own_term(source, places[1])
    changes = put(source, places[0], other), put(source, places[1], one)
    return Edit(changes, f"exchange {brief(one.text)} and {brief(other.text)}{place(site)}")


def rename(source: Source, dice: Dice) -> Edit | None:
    """One use of a name replaced by another name that is there."""
    sites = [site for site in source.sites if isinstance(site.node, ast.Name)]
    numbers = [site for site in sites if site.kind is Kind.NUMBER]
    if not sites:
        return None
    # of other names it is not known whether they stand for the same kind of thing
    site = dice.pick(numbers if numbers and dice.chance(0.8) else sites)
    assert isinstance(site.node, ast.Name)
    old = site.node.id
    if site.kind is Kind.NUMBER:
        names = site.scope.numbers_before(site.line)
    else:
        names = [n for n, line in site.scope.bound.items() if line < site.line and n not in site.scope.numbers]
    names = [name for name in names if name != old]
    if not names:
        return None
    new = dice.pick(names)
    return Edit((put(source, site, Term(new)),), f"replace {old} by {new}{place(site)}")
