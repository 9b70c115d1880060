"""Each edit gives text that parses, inside the spans, and says in a line what it did."""

from __future__ import annotations

import bisect
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.proposers import _expressions, _statements
from evolve.proposers._dice import Dice, decimal
from evolve.proposers._edits import EDITS
from evolve.proposers._reader import splice
from evolve.proposers._source import Source
from evolve.proposers._terms import Edit
from evolve.syntax import parse

TEXTS = [
    Path(textwrap.__file__).read_text(encoding="utf-8"),
    Path(bisect.__file__).read_text(encoding="utf-8"),
    "def f(a,b):\n if a>b:return(a)\n else:\n  return-b\nx=(1)if f(1,2)else 3;y=not(x)and-x\nz=1if x else 2\n",
    "é = 'ü'*3;ä = 20+len(é)#ö\nif ä>(é.count('ü'))*2:\n\tä=ä-1\n\tä//=(2\n\t # why\n\t +1)\n",
    "x = 1\r\nwhile x < 20 and (x != 3 or not x):\r\n    x += 2\r\n    # note\r\n    if x > 5:\r\n        break\r\n",
    "class A:\n    k = 3\n    def f(self, n):\n        return [i ** 2 for i in range(n) if i % self.k]\n    g = 4\n",
    "def f(x):\n    return min(x, 3) if x < 5 else max(x - 1, 2)\n",
]
SOURCES = [Source.read(text, [(0, len(text))]) for text in TEXTS]
BY_NAME = {edit.__name__: edit for _, edit in EDITS}


def applied(source: Source, edit: Edit) -> str:
    return splice(source.text, edit.changes)


def drawn(text: str, edit: Callable[[Source, Dice], Edit | None], draws: int = 400) -> list[str]:
    """What an edit makes of a text, over many draws."""
    source = Source.read(text, [(0, len(text))])
    assert source is not None
    edits = [edit(source, Dice(np.random.default_rng(seed))) for seed in range(draws)]
    return [applied(source, made) for made in edits if made is not None]


def test_every_edit_is_in_the_table() -> None:
    """None is written and never drawn, but for the one that only goes along with others."""
    assert sorted([*BY_NAME, "prune"]) == sorted([*_expressions.__all__, *_statements.__all__])
    assert all(source is not None for source in SOURCES)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(SOURCES))
def test_an_edit_parses_and_keeps_the_rest(name: str, seed: int, source: Source) -> None:
    """Whatever is drawn in whatever source."""
    edit = BY_NAME[name](source, Dice(np.random.default_rng(seed)))
    if edit is None:
        return
    assert parse(applied(source, edit)) is not None
    ends = [0, *(at for start, end, _ in sorted(edit.changes) for at in (start, end)), len(source.text)]
    assert ends == sorted(ends)
    assert edit.summary.isprintable()
    assert len(edit.summary) < 200


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from(SOURCES), st.data())
def test_an_edit_stays_in_the_span(seed: int, source: Source, data: st.DataObject) -> None:
    """A span may cut through statements: what is not whole in it is left alone."""
    start = data.draw(st.integers(0, len(source.text)))
    end = data.draw(st.integers(start, len(source.text)))
    part = Source.read(source.text, [(start, end)])
    assert part is not None
    dice = Dice(np.random.default_rng(seed))
    for _, edit in EDITS:
        made = edit(part, dice)
        if made is not None:
            assert all(start <= first <= last <= end + 2 for first, last, _ in made.changes)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_edit_finds_something_to_do(name: str) -> None:
    """In at least some of many draws."""
    text = TEXTS[2] + TEXTS[6]
    text += "def g(a, b):\n    c = a - b\n    if a > b and not c:\n        c = 2\n        a = 3\n    return c\n"
    made = drawn(text, BY_NAME[name])
    assert len(made) >= 20
    assert sum(one != text for one in made) >= 20


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("perturb", "x = 20\n", "x = 21\n"),
        ("perturb", "x = a ** 2\n", "x = a ** 3\n"),
        ("operator", "x = a + b\n", "x = a * b\n"),
        ("operator", "x = (a) < (b)\n", "x = (a) >= (b)\n"),
        ("operator", "x = a and b\n", "x = a or b\n"),
        ("copy", "def f(a, b):\n    return a - b * 2\n", "def f(a, b):\n    return b - b * 2\n"),
        ("exchange", "x = a - b * 2\n", "x = b * 2 - a\n"),
        ("exchange", "x = a / (b - 2)\n", "x = (b - 2) / (a)\n"),
        ("exchange", "x = f(a, b)\n", "x = f(b, a)\n"),
        ("simplify", "x = a - b * 2\n", "x = b * 2\n"),
        ("simplify", "x = (a - b) * 2\n", "x = a - b\n"),
        ("simplify", "x = abs(a - b)\n", "x = a - b\n"),
        ("negate", "if a < b:\n    x = 1\n", "if not a < b:\n    x = 1\n"),
        ("negate", "x = 1 if not (a or b) else 2\n", "x = 1 if (a or b) else 2\n"),
        ("rename", "def f(a, b):\n    return a - 1 / b\n", "def f(a, b):\n    return b - 1 / b\n"),
        ("remove", "def f(a):\n    a += 1\n    return a\n", "def f(a):\n    return a\n"),
        ("remove", "if a:\n    x += 1  # why\n", "if a:\n    pass\n"),
        ("duplicate", "a += 1\n", "a += 1\na += 1\n"),
        ("duplicate", "a += 1", "a += 1\na += 1"),
        ("swap", "a = 1\nb = 2", "b = 2\na = 1"),
        ("unwrap", "if a:\n    b = 1\n    c = 2\nd = 3\n", "b = 1\nc = 2\nd = 3\n"),
        ("unwrap", "if a:\n    b = 1\nelse:\n    b = 2\n", "b = 2\n"),
        ("call", "def f(a):\n    return a - 1\n", "def f(a):\n    return abs(a - 1)\n"),
        ("call", "def f(a):\n    return a - 1\n", "def f(a):\n    return (a - 1) ** 2\n"),
    ],
)
def test_examples_of_what_edits_make(name: str, text: str, expected: str) -> None:
    """Each is among what is drawn in 400 draws."""
    assert expected in drawn(text, BY_NAME[name])


@pytest.mark.parametrize(
    ("name", "text", "pattern"),
    [
        ("conditional", "def f(gap):\n    return -gap * 2\n", "    return -gap * 2 if gap "),
        ("conditional", "def f(gap):\n    return 3 - gap\n", "3 - (gap if gap "),
        ("combine", "def f(gap):\n    return gap * 2\n", "return (gap + "),
        ("guard", "def f(gap):\n    return -gap\n", "    if gap > "),
        ("test", "def f(gap):\n    gap += 1\n    return gap\n", "        gap += 1\n    return"),
        ("adjust", "def f(gap):\n    return gap - 1\n", "        gap *= "),
    ],
)
def test_edits_bring_in_names_that_are_in_scope(name: str, text: str, pattern: str) -> None:
    """With parentheses where they are needed."""
    assert any(pattern in made for made in drawn(text, BY_NAME[name]))


@pytest.mark.parametrize("name", ["copy", "combine", "conditional", "guard", "adjust", "negate", "rename", "call"])
def test_no_edit_uses_a_name_that_is_not_bound(name: str) -> None:
    """Not those of another function, nor those that are assigned later: every result runs."""
    text = (
        "K = 3\ndef other(far):\n    near = far * 2\n    return near if near > 1 else far\n"
        "def f(a, b):\n    c = a - b\n    if c > 2:\n        c = c * 2 if a < b else 4\n"
        "    d = c + 1\n    return d - a\n"
    )
    made = drawn(text, BY_NAME[name])
    assert made
    for source in made:
        names: dict[str, Callable[..., object]] = {}
        try:
            exec(source, names)  # an edit of the text above
            names["f"](5, 2), names["f"](1, 2), names["other"](3)
        except (ZeroDivisionError, OverflowError, TypeError):
            pass  # a number out of reach, or complex


def test_what_is_never_reached_is_not_edited_but_removed() -> None:
    """To edit it would be to waste a trial."""
    text = "def f(a):\n    if a > 1:\n        return a\n        a += 2\n        a -= 3\n    return a * 4\n"
    source = Source.read(text, [(0, len(text))])
    assert source is not None
    assert [source.code(site.node) for site in source.literals] == ["1", "4"]
    edit = _statements.prune(source, Dice(np.random.default_rng(1)))
    assert edit is not None
    assert applied(source, edit) == "def f(a):\n    if a > 1:\n        return a\n    return a * 4\n"


def test_a_nudged_integer_stays_one_and_every_number_moves() -> None:
    """By a step, a factor, a sign, an order of magnitude."""
    dice = Dice(np.random.default_rng(1))
    for value in (0, 1, -3, 20, 10**9):
        moved = [dice.nudge(value) for _ in range(300)]
        assert all(isinstance(one, int) and one != value for one in moved)
        assert any(abs(one - value) == 1 for one in moved)
    floats = [dice.nudge(22.0) for _ in range(500)]
    assert all(isinstance(one, float) and one != 22.0 for one in floats)
    assert all(one == decimal(one, 3) for one in floats)
    assert min(floats) <= -22.0
    assert max(floats) >= 66.0
    assert sum(10 < one < 45 for one in floats) > 250
    assert dice.nudge(0.0) != 0.0


def test_weights_are_kept() -> None:
    """A draw of three to one."""
    dice = Dice(np.random.default_rng(1))
    drawn = [dice.weighted(((3.0, "a"), (1.0, "b"))) for _ in range(4000)]
    assert drawn.count("a") == pytest.approx(3000, abs=120)
