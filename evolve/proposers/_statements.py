"""Edits of statements: whole lines go, come, change places or get a condition.

As with those of expressions, each gives an `Edit`, or None when what it drew cannot be changed that way.
"""

from __future__ import annotations

import ast

from evolve.proposers._dice import Dice
from evolve.proposers._sites import CONDITIONAL, Block, Kind, Site
from evolve.proposers._source import Source, shifted
from evolve.proposers._terms import Edit, brief, condition_term, operand_term, own_term, usable, variant_term
from evolve.proposers._walk import is_elif

__all__ = ["adjust", "duplicate", "guard", "prune", "remove", "swap", "test", "unwrap"]


_FIXED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Global, ast.Nonlocal)


def _statement(source: Source, dice: Dice) -> tuple[Block, int] | None:
    """A statement that is no definition and no docstring, as its block and its place there."""
    found = [
        (block, at)
        for block in source.blocks
        for at, statement in enumerate(block.statements)
        if not isinstance(statement, _FIXED)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    return dice.pick(found) if found else None


def _in(block: Block) -> str:
    return f" in {block.scope.name}" if block.scope.name else ""


def remove(source: Source, dice: Dice) -> Edit | None:
    """A statement goes."""
    drawn = _statement(source, dice)
    if drawn is None:
        return None
    block, at = drawn
    statement = block.statements[at]
    lines = source.lines(statement)
    if lines is None or isinstance(statement, ast.Pass) or _first_bound(statement, block):
        return None
    alone = block.complete and len(block.statements) + len(block.dead) == 1
    text = f"{source.indent(statement)}pass{source.newline}" if alone else ""
    return Edit(((*lines, text),), f"remove `{brief(source.code(statement))}`{_in(block)}")


def prune(source: Source, dice: Dice) -> Edit | None:
    """Statements that are never reached go. Nothing else comes of it, so it only goes along with other edits."""
    blocks = [block for block in source.blocks if block.dead]
    if not blocks:
        return None
    block = dice.pick(blocks)
    first, last = source.lines(block.dead[0]), source.lines(block.dead[-1])
    if first is None or last is None:
        return None
    return Edit(((first[0], last[1], ""),), f"remove what is never reached{_in(block)}")


def duplicate(source: Source, dice: Dice) -> Edit | None:
    """A statement stands there twice."""
    drawn = _statement(source, dice)
    if drawn is None:
        return None
    block, at = drawn
    statement = block.statements[at]
    lines = source.lines(statement)
    if lines is None or isinstance(statement, ast.Return | ast.Pass | ast.Break | ast.Continue):
        return None
    text = source.text[lines[0] : lines[1]]
    if not text.endswith(("\n", "\r")):
        text = source.newline + text
    return Edit(((lines[1], lines[1], text),), f"repeat `{brief(source.code(statement))}`{_in(block)}")


def swap(source: Source, dice: Dice) -> Edit | None:
    """Two neighbouring statements change places."""
    drawn = _statement(source, dice)
    if drawn is None:
        return None
    block, at = drawn
    if at + 1 >= len(block.statements):
        return None
    first, second = block.statements[at], block.statements[at + 1]
    one, two = source.lines(first), source.lines(second)
    if one is None or two is None or isinstance(second, _FIXED) or isinstance(first, ast.Return):
        return None
    if any(isinstance(node, ast.Name) and node.id in _first_bound(first, block) for node in ast.walk(second)):
        return None
    text_one, text_two = source.text[one[0] : one[1]], source.text[two[0] : two[1]]
    if not text_two.endswith(("\n", "\r")):
        text_two, text_one = text_two + source.newline, text_one.rstrip("\r\n")
    changes = ((*one, text_two), (*two, text_one))
    return Edit(changes, f"swap `{brief(source.code(first), 24)}` and `{brief(source.code(second), 24)}`{_in(block)}")


def unwrap(source: Source, dice: Dice) -> Edit | None:
    """An `if` is replaced by the statements under it."""
    found = [
        (block, statement) for block in source.blocks for statement in block.statements if isinstance(statement, ast.If)
    ]
    if not found:
        return None
    block, statement = dice.pick(found)
    lines = source.lines(statement)
    body = statement.orelse if statement.orelse and dice.chance(0.5) else statement.body
    if is_elif(statement, body[0]):
        body = statement.body
    first, last = source.lines(body[0]), source.lines(body[-1])
    if lines is None or first is None or last is None:
        return None
    text = shifted(source.text[first[0] : last[1]], source.indent(body[0]), source.indent(statement))
    if text is None:
        return None
    return Edit(((*lines, text),), f"drop the test `{brief(source.code(statement.test))}`{_in(block)}")


def guard(source: Source, dice: Dice) -> Edit | None:
    """An `if` that returns something else is put before a statement of a function."""
    drawn = _statement(source, dice)
    if drawn is None or not drawn[0].function:
        return None
    block, at = drawn
    statement = block.statements[at]
    lines = source.lines(statement)
    returns = [s for s in source.numbers if s.whole and _returned(source, s, block)]
    if lines is None or not returns:
        return None
    here = _here(block, statement)
    model = dice.pick(returns)
    if not usable(source, model.node, here):
        return None
    value = variant_term(source, dice, here, own_term(source, model))
    indent = source.indent(statement)
    condition = condition_term(source, dice, here)
    if condition is None:
        return None
    text = (
        f"{indent}if {condition.within(CONDITIONAL)}:{source.newline}"
        f"{_deeper(indent)}return {value.within(CONDITIONAL)}{source.newline}"
    )
    return Edit(((lines[0], lines[0], text),), f"return {brief(value.text)} if {brief(condition.text)}{_in(block)}")


def _returned(source: Source, site: Site, block: Block) -> bool:
    """Whether a site is what the function of `block` returns."""
    if site.scope is not block.scope:
        return False
    start = source.span(site.node)[0]
    return source.text[max(0, start - 12) : start].rstrip(" (").endswith("return")


def _here(block: Block, statement: ast.stmt) -> Site:
    """A place just before a statement, as a site, to draw names and terms for."""
    return Site(
        ast.Constant(None, lineno=statement.lineno, col_offset=0, end_lineno=statement.lineno, end_col_offset=0),
        Kind.NUMBER,
        CONDITIONAL,
        block.scope,
        statement.lineno,
    )


def _deeper(indent: str) -> str:
    return indent + ("\t" if indent.endswith("\t") else "    ")


def test(source: Source, dice: Dice) -> Edit | None:
    """A statement happens only under a condition."""
    drawn = _statement(source, dice)
    if drawn is None:
        return None
    block, at = drawn
    statement = block.statements[at]
    lines = source.lines(statement)
    if (
        lines is None
        or isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Return) and len(block.statements) == at + 1)
    ):
        return None
    if _first_bound(statement, block):
        return None
    indent = source.indent(statement)
    inner = source.text[lines[0] : lines[1]]
    text = shifted(inner if inner.endswith(("\n", "\r")) else inner + source.newline, indent, _deeper(indent))
    if text is None:
        return None
    condition = condition_term(source, dice, _here(block, statement))
    if condition is None:
        return None
    text = f"{indent}if {condition.within(CONDITIONAL)}:{source.newline}{text}"
    return Edit(((*lines, text),), f"do `{brief(source.code(statement))}` if {brief(condition.text)}{_in(block)}")


def _first_bound(statement: ast.stmt, block: Block) -> set[str]:
    """The names that are not there before this assignment; what comes after it may need them."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return set()
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    names = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    return {name for name in names if block.scope.bound.get(name, 0) >= statement.lineno}


def adjust(source: Source, dice: Dice) -> Edit | None:
    """A statement is put in that changes a number that is there, perhaps under a condition."""
    drawn = _statement(source, dice)
    if drawn is None or not drawn[0].function:
        return None
    block, at = drawn
    statement = block.statements[at]
    lines = source.lines(statement)
    names = [n for n, line in block.scope.bound.items() if n in block.scope.numbers and line < statement.lineno]
    names = [name for name in names if name not in block.scope.integers]
    if lines is None or not names:
        return None
    here = _here(block, statement)
    name, indent = dice.pick(names), source.indent(statement)
    change = f"{name} {dice.pick(('+=', '-=', '*='))} {operand_term(source, dice, here).within(CONDITIONAL)}"
    text, summary = f"{indent}{change}{source.newline}", f"insert `{brief(change)}`{_in(block)}"
    if dice.chance(0.6) and (condition := condition_term(source, dice, here)):
        text = f"{indent}if {condition.within(CONDITIONAL)}:{source.newline}{_deeper(indent)}{change}{source.newline}"
        summary = f"insert `{brief(change)}` if {brief(condition.text)}{_in(block)}"
    return Edit(((lines[0], lines[0], text),), summary)
