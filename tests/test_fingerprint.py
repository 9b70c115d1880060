"""Programs that can behave differently never have the same fingerprint; a reformatted one keeps its own."""

from __future__ import annotations

import ast
import sys
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.fingerprint import fingerprint, structure
from evolve.types import Program

SOURCE = '''\
import math


def f(a, b=2, *rest, c: int = 3, **more):
    """Doc."""
    x = [i * 1.5 for i in range(a) if i % 2]
    if a < b <= 3 and not c:
        return -x[0] ** 2
    with open("f") as g, open("h"):
        yield from g
    return lambda y: (y, f"{y!r:>{b}}", b"z", ..., None, 1j)
'''


def python(text: str) -> Program:
    return Program({"a.py": text.encode()})


def test_formatting_and_comments_do_not_count() -> None:
    """Layout, blank lines, quotes, parentheses, line endings, and how a number is spelt."""
    base = fingerprint(python(SOURCE))
    assert fingerprint(python(ast.unparse(ast.parse(SOURCE)))) == base
    assert fingerprint(python(SOURCE.replace("\n", "\r\n"))) == base
    assert fingerprint(python("# comment\n" + SOURCE.replace("    ", "  ").replace('"', "'") + "\n\n# end")) == base
    assert fingerprint(python(SOURCE.replace("1.5", "15e-1").replace("(y, f", "((y), f"))) == base
    assert fingerprint(python("x = 'a' 'b'\n")) == fingerprint(python("x = u'ab'\n"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0.0", "x = -0.0"),
        ("x = 'a'", "x = b'a'"),
        ("x = 1", "x = '1'"),
        ("x = None", "x = 'None'"),
        ("x = 1j", "x = 1"),
        ("x = 1e999", "x = 'inf'"),
        ("def f():\n 'doc'", "def f():\n 'other'"),
        ("def f():\n 'doc'\n return 1", "def f():\n return 1"),
        ("x = a - b - c", "x = a - (b - c)"),
        ("x = (a < b) < c", "x = a < b < c"),
        ("x = [a], b", "x = [a, b]"),
        ("f(a, b)", "f(a, *b)"),
        ("f(a, b=b)", "f(a, b)"),
        ("global x, y", "global y, x"),
        ("from . import a", "from .. import a"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = {**a}", "x = {None: a}"),
        ("def f(a, /): 0", "def f(a): 0"),
        ("def f(*, a, b=1): 0", "def f(*, a=1, b): 0"),
        ("async def f(): 0", "def f(): 0"),
        ("x: int = 1", "x = 1"),
        ("#!/bin/a\nx", "#!/bin/b\nx"),
        ("# coding: latin-1\nx = 'é'", "x = 'é'"),
        ("x = '\\ud800'", "x = '\\ud801'"),
        (f"x = 0x{'f' * 5000}", f"x = 0x{'e' * 5000}"),
    ],
)
def test_what_can_behave_differently_is_kept_apart(one: str, other: str) -> None:
    """Types of constants, docstrings, grouping, every part of a signature."""
    assert fingerprint(python(one)) != fingerprint(python(other))


def test_names_modes_and_the_set_of_files_count() -> None:
    """They are part of a program."""
    a = Program({"a.py": b"x = 1"})
    prints = {
        fingerprint(p)
        for p in [
            a,
            Program({"b.py": b"x = 1"}),
            Program({"a.py": b"x = 1"}, frozenset(["a.py"])),
            Program({"a.py": b"x = 1", "b.py": b""}),
            Program({}),
            Program({"a.txt": b"x = 1"}),
        ]
    }
    assert len(prints) == 6


def test_other_files_are_compared_by_their_bytes() -> None:
    """White space may mean something; only where the language says otherwise line endings are dropped."""
    for path in ["a.sh", "Makefile", "a.c", "prompt.md", "a.yaml"]:
        assert fingerprint(Program({path: b"x \n"})) != fingerprint(Program({path: b"x\n"}))
        assert fingerprint(Program({path: b"x\r\n"})) != fingerprint(Program({path: b"x\n"}))
    assert fingerprint(Program({"a.js": b"x;\r\ny;"})) == fingerprint(Program({"a.js": b"x;\ny;\n"}))
    assert fingerprint(Program({"a.js": b"x; \n"})) != fingerprint(Program({"a.js": b"x;\n"}))


@pytest.mark.parametrize(
    "content",
    [
        b"def f(:\n",
        b"x = 1\0",
        b"\xff\xfe",
        b"x = 'a\n",
        b"# coding: nonsense\nx",
        b"x = " + b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 50_000 + b"1",
        b"x = " + b"9" * 5000,
        b"x = 1" + b" + 1" * 20_000,
        b"x" + b".y" * 20_000,
    ],
)
def test_what_does_not_parse_is_compared_by_its_bytes(content: bytes) -> None:
    """Never an exception, whatever the file holds."""
    program = Program({"a.py": content})
    assert fingerprint(program) == fingerprint(Program({"a.py": content}))
    assert fingerprint(program) != fingerprint(Program({"a.py": content.replace(b"x", b"z", 1) + b"\n\nq"}))
    assert len(structure(program)) == 16


def test_a_deep_tree_does_not_need_a_deep_stack() -> None:
    """The walk is a loop."""
    depth = sys.getrecursionlimit() // 4
    text = "x = " + "f(" * (depth // 3) + ")" * (depth // 3)
    assert fingerprint(python(text)) == fingerprint(python(text.replace("(", "( ")))


def test_parsing_is_silent_where_warnings_are_errors() -> None:
    """An invalid escape is the candidate's, and no reason to treat its file as bytes."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        assert fingerprint(python("x = '\\d'")) == fingerprint(python("x  =  '\\d'"))
        assert fingerprint(python("x = 1or 2")) == fingerprint(python("x = 1 or 2"))
    assert not seen


def test_structure_is_what_remains_when_numbers_are_taken_out() -> None:
    """Signs belong to numbers; strings, truth values and names do not."""
    base = structure(python("x = a - 3 if b > 2.5 else -1"))
    assert structure(python("x = a - -4.0 if b > 0 else 17")) == base
    assert structure(python("x = a - (-3) if b > 1e9 else - -1")) == base
    assert structure(python("x = a - c if b > 2.5 else -1")) != base
    assert structure(python("x = a + 3 if b > 2.5 else -1")) != base
    assert structure(python("x = True")) != structure(python("x = 1"))
    assert structure(python("x = '1'")) != structure(python("x = '2'"))
    assert structure(python("x = 2 ** y")) == structure(python("x = (-3) ** y"))
    assert structure(python("x = -2 ** y")) != structure(python("x = (-2) ** y"))


def test_structure_of_other_languages_drops_numbers_of_their_text() -> None:
    """Digits in names stay."""
    one = structure(Program({"a.c": b"int x1 = 20 + 1.5e-3;"}))
    assert structure(Program({"a.c": b"int x1 = 7 + .25;"})) == one
    assert structure(Program({"a.c": b"int x2 = 20 + 1.5e-3;"})) != one


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0), st.integers(min_value=0))
def test_any_numbers_have_one_structure(a: float, b: int) -> None:
    """And different fingerprints unless they are the same number of the same type."""
    first, second = python(f"x = {a!r}"), python(f"x = {b!r}" if b < 10**4000 else "x = 0")
    assert structure(first) == structure(second)
    assert fingerprint(first) != fingerprint(second)


def test_it_takes_a_few_times_as_long_as_parsing() -> None:
    """The best of many runs of each, so that a busy machine does not decide."""
    text = "\n".join(SOURCE.replace("def f", f"def f{i}") for i in range(9))
    program = python(text)
    seconds: dict[str, list[float]] = {"fingerprint": [], "parse": []}
    for _ in range(50):
        begin = time.perf_counter()
        fingerprint(program)
        seconds["fingerprint"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        ast.parse(text)
        seconds["parse"].append(time.perf_counter() - begin)
    assert min(seconds["fingerprint"]) < 6 * min(seconds["parse"])
