"""A file taken apart knows where things are, what is in scope, and what kind of value stands where."""

from __future__ import annotations

import ast

import pytest

from evolve.proposers._reader import Reader
from evolve.proposers._sites import Kind, Scope
from evolve.proposers._source import Source, shifted
from evolve.regions import Regions
from evolve.types import Program


def read(text: str) -> Source:
    source = Source.read(text, [(0, len(text))])
    assert source is not None
    return source


def codes(source: Source, kind: Kind) -> list[str]:
    return [source.code(site.node) for site in source.sites if site.kind is kind]


TEXT = """\
import math

LIMIT = 7

def f(item, room: int, words, *rest, step=2, **more):
    '''Doc.'''
    gap = room - item
    if gap < 3 and not words:
        return 100.0 - gap
    total = 0.0
    for index, word in enumerate(words):
        total += index * len(word) / -2.5
    best = [x ** 2 for x in rest[1:-1] if x > 0]
    return max(total, 3) if gap % 2 == 1 else math.sqrt(best[step])
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("prefix", ["", "\ufeff", "é = 'ü€𝄞'; "])
def test_places_are_offsets_in_characters(newline: str, prefix: str) -> None:
    """Whatever the line endings, and though the tree counts bytes."""
    text = (prefix + "text = 'ñ'; a = 1 + 20\n\nb = 'é' if a else ('ß', 30)\n").replace("\n", newline)
    assert [read(text).code(site.node) for site in read(text).literals] == ["1", "20", "30"]


def test_kinds_follow_from_form_and_place() -> None:
    """Operands of arithmetic are numbers, tests are truths, lists are neither."""
    source = read(TEXT)
    numbers = codes(source, Kind.NUMBER)
    for code in ("room", "item", "room - item", "gap", "100.0 - gap", "-2.5", "index * len(word)", "x ** 2", "total"):
        assert code in numbers
    truths = codes(source, Kind.TRUTH)
    assert truths == ["gap < 3", "words", "not words", "gap < 3 and not words", "x > 0", "gap % 2 == 1"]
    assert "words" not in numbers
    literals = ["7", "2", "3", "100.0", "0.0", "-2.5", "1", "-1", "0", "2", "3", "2", "1"]
    assert sorted(source.code(site.node) for site in source.literals) == sorted(literals)


def test_literals_that_must_stay_integers_are_known() -> None:
    """Indices, slices, sizes, digits, exponents, and what flows into them through a name."""
    text = (
        "n = 5\nm = 6\nx = [0] * 3\n"
        "for i in range(n, 10 + 2, -1):\n    x[i + 1] = round(i * 0.5, 2) + m / 4 + x[i // 3] ** 2\n"
        "def f(a, k=8, z=9):\n    return a[k] + a[min(k, 1)] + a[int(z * 7)]\n"
    )
    source = read(text)
    integers = [source.code(site.node) for site in source.literals if site.integer]
    assert sorted(integers) == sorted(["5", "3", "10", "2", "-1", "1", "2", "3", "2", "8", "1"])


def test_scopes_know_what_is_bound_before_a_line() -> None:
    """Parameters, earlier assignments, outer names; not later ones, not those of other functions."""
    source = read(TEXT)
    [scope] = {id(site.scope): site.scope for site in source.sites if source.code(site.node) == "100.0 - gap"}.values()
    assert scope.name == "f"
    assert scope.numbers_before(9) == ["item", "room", "step", "gap", "LIMIT"]
    assert scope.find("total", 9) is None
    assert scope.find("total", 12) is scope
    assert scope.find("math", 9) is source.module
    assert scope.find("nothing", 9) is None


def test_methods_do_not_see_the_names_of_their_class() -> None:
    """Only the module's and their own."""
    source = read("class A:\n    x = 3\n    def f(self, y):\n        return y + 1\n")
    scope = next(site.scope for site in source.sites if source.code(site.node) == "y + 1")
    assert scope.find("x", 99) is None
    assert scope.find("A", 99) is source.module


def test_names_of_a_comprehension_are_there_inside_it_only() -> None:
    """Its elements see them, the statement around it does not."""
    source = read("def f(a):\n    return [x + y for x in a for y in a], a + 1\n")
    inner = next(site.scope for site in source.sites if source.code(site.node) == "x + y")
    outer = next(site.scope for site in source.sites if source.code(site.node) == "a + 1")
    assert inner.find("y", 1) is inner
    assert outer.find("y", 99) is None


def test_only_what_lies_in_a_span_is_a_site() -> None:
    """Though the names of the rest are known."""
    text = "a = 1\nb = 2\ndef f():\n    c = 3\n    return 4\n"
    start = text.index("    c")
    source = Source.read(text, [(6, 11), (start, len(text))])
    assert source is not None
    assert [source.code(site.node) for site in source.literals] == ["2", "3", "4"]
    assert "a" in source.module.bound
    assert [len(block.statements) for block in source.blocks] == [1, 2]
    assert [block.complete for block in source.blocks] == [False, True]


def test_f_strings_are_left_alone() -> None:
    """Their parts have no true places before Python 3.12."""
    assert codes(read("x = f'{a + 1:>{b}} {c}', abs(2)\n"), Kind.NUMBER) == ["2", "abs(2)"]


def test_lines_of_a_statement_are_whole_ones() -> None:
    """With a comment after it and its decorators; none when it shares its line."""
    text = "@a\n@b(1)\ndef f():\n    x = 1  # why\n    y = 2; z = 3\n    if x: y = 4\n    return (x +\n        y)\n"
    source = read(text)
    [function] = source.tree.body
    assert isinstance(function, ast.FunctionDef)
    assert source.lines(function) == (0, len(text))
    lines = [source.lines(statement) for statement in function.body]
    assert [text[slice(*span)] if span else None for span in lines] == [
        "    x = 1  # why\n",
        None,
        None,
        "    if x: y = 4\n",
        "    return (x +\n        y)\n",
    ]
    assert isinstance(function.body[3], ast.If)
    assert source.lines(function.body[3].body[0]) is None


def test_lines_are_shifted_unless_that_changes_a_string() -> None:
    """Blank lines stay blank."""
    assert shifted("  a\n\n    b\n", "  ", "    ") == "    a\n\n      b\n"
    assert shifted("  a = '''\n  b'''\n", "  ", "") is None
    assert shifted("  a = 'b\\\n  c'\n", "  ", "") is None
    assert shifted("  a\nb\n", "  ", "") is None
    assert shifted("  a = '\u2028  b'\r  c\r", "  ", "") == "a = '\u2028  b'\rc\r"


@pytest.mark.parametrize("text", ["def f(:", "x = 1\0", "x = " + "-" * 20_000 + "1", "x = " + "f(" * 700 + ")" * 700])
def test_what_cannot_be_taken_apart_is_none(text: str) -> None:
    """Broken text, and trees deeper than the stack."""
    source = Source.read(text, [(0, len(text))])
    assert source is None or isinstance(source.module, Scope)


def test_only_the_last_sources_are_kept() -> None:
    """A syntax tree takes a hundred times the memory of its text."""
    reader = Reader(Regions(Program({"a.py": b"x = 1\n"})))
    for number in range(50):
        reader.source(Program({"a.py": f"x = {number}\n".encode() + b"# filling\n" * 1000}), "a.py")
    assert 5 < len(reader._kept) < 20
    large = Program({"a.py": b"x = 1\n" + b"# filling\n" * 20_000})
    assert reader.source(large, "a.py") is reader.source(large, "a.py") is not None
