"""Crossover takes some of what another program has, never all and never nothing."""

from __future__ import annotations

import ast

import pytest

from evolve.proposers._homology import differences, same
from evolve.proposers.crossover import Crossover
from evolve.regions import Regions
from evolve.testing.trials import ask, selection, trial
from evolve.types import Program, Proposal

HEAD, TAIL = "FROZEN = 1\n# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-END\n"


def crossed(one: str, other: str, draws: int = 60, *, path: str = "a.py") -> list[Proposal]:
    """Proposals for two programs with these regions."""
    programs = [Program({path: (HEAD + text + TAIL).encode()}) for text in (one, other)]
    crossover = Crossover(Regions(programs[0]))
    first, second = trial(3, programs[0]), trial(5, programs[1])
    return [crossover.plan(selection(first, second), ask(number))() for number in range(draws)]


def texts(proposals: list[Proposal]) -> set[str]:
    """The regions of those that are not rejected."""
    return {p.program.text("a.py").removeprefix(HEAD).removesuffix(TAIL) for p in proposals if not p.rejected}


def test_some_functions_come_from_the_other_program() -> None:
    """The child is a merge of both parents."""
    one = "def f():\n    return 1\n\ndef g():\n    return 2\n\nK = 3\n"
    other = "def g():\n    # why\n    return 22\n\nK = 33\n\ndef f():\n    return 1\n"
    made = crossed(one, other)
    assert texts(made) == {one.replace("    return 2", "    # why\n    return 22"), one.replace("K = 3", "K = 33")}
    assert {proposal.parents for proposal in made} == {(3, 5)}
    assert {proposal.summary for proposal in made} == {"take g from trial 5", "take K from trial 5"}


def test_helpers_that_are_needed_come_along() -> None:
    """In an order in which they can be defined."""
    one = "def f():\n    return 1\n\ndef g():\n    return 2\n"
    other = "STEP = 3\ndef deep():\n    return STEP\n@staticmethod\ndef helper():\n    return deep()\n"
    other += "def f():\n    return helper()\n\ndef g():\n    return 22\n"
    [taken] = [text for text in texts(crossed(one, other)) if "helper" in text]
    names: dict[str, object] = {}
    exec(taken, names)
    assert names["f"]() == 3  # type: ignore[operator]
    assert names["g"]() == 2  # type: ignore[operator]


def test_within_one_function_some_differences_come_from_the_other() -> None:
    """Expressions with the parentheses they need, and whole statements."""
    one = "def f(a, b):\n    c = a * 2\n    if c > b:\n        return c\n    return 1\n"
    other = "def f(a, b):\n    c = (a - b if a else b) * 2\n    if c > b:\n        c += 1\n    return 4\n"
    assert texts(crossed(one, other)) == {
        "def f(a, b):\n    c = (a - b if a else b) * 2\n    if c > b:\n        return c\n    return 1\n",
        "def f(a, b):\n    c = a * 2\n    if c > b:\n        c += 1\n    return 1\n",
        "def f(a, b):\n    c = a * 2\n    if c > b:\n        return c\n    return 4\n",
        "def f(a, b):\n    c = (a - b if a else b) * 2\n    if c > b:\n        c += 1\n    return 1\n",
        "def f(a, b):\n    c = (a - b if a else b) * 2\n    if c > b:\n        return c\n    return 4\n",
        "def f(a, b):\n    c = a * 2\n    if c > b:\n        c += 1\n    return 4\n",
    }


def test_blocks_of_different_lengths_are_one_difference() -> None:
    """Without what they have in common at both ends, in the indentation of the first."""
    one = "def f(a):\n  b = 1\n  a += 2\n  return a\n"
    other = "def f(a):\n    b = 7\n    a += 3\n    a *= 4\n    return a\n"
    found = differences(ast.parse(one).body[0], ast.parse(other).body[0])
    assert found is not None
    assert [(len(d.one), len(d.other)) for d in found] == [(2, 3)]
    swapped = one.replace("b = 1", "b = 7"), other.replace("b = 7", "b = 1")
    found = differences(ast.parse(swapped[0]).body[0], ast.parse(other).body[0])
    assert found is not None
    assert [(ast.unparse(d.one[0]), [ast.unparse(s) for s in d.other]) for d in found] == [
        ("a += 2", ["a += 3", "a *= 4"])
    ]


def test_one_differing_number_is_blended() -> None:
    """Into one between the two, or a little beyond; integers stay integers."""
    made = texts(crossed("def f(a):\n    return a - 20\n", "def f(a):\n    return a - 40\n", 200))
    values = sorted(int(text.rpartition(" ")[2]) for text in made)
    assert 14 <= values[0] < 20
    assert 40 < values[-1] <= 46
    assert not {20, 40} & set(values)


def test_one_differing_expression_is_grafted_elsewhere() -> None:
    """With the names that are there."""
    made = texts(crossed("def f(a, b):\n    return a - b * 2\n", "def f(a, b):\n    return a - b / (b + 7)\n"))
    assert "def f(a, b):\n    return a - (b + 7) * 2\n" in made
    assert len(made) > 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = a + b", "x = a - b"),
        ("f(a, k=b)", "f(a, b)"),
        ("def f(a): 0", "def f(b): 0"),
        ("x = f'{a}'", "x = f'{b}'"),
        ("for i in a: 0", "for j in a: 0"),
        ("x.y = 1", "x.z = 1"),
    ],
)
def test_what_differs_is_found(one: str, other: str) -> None:
    """Types of constants, operators, keywords, names that are bound."""
    assert not same(ast.parse(one), ast.parse(other))
    assert same(ast.parse(one), ast.parse("# x\n" + one + "  \n"))


def test_in_other_files_some_runs_of_lines_come_from_the_other() -> None:
    """Runs in which the two differ."""
    made = crossed("a\nb\nc\nd\n", "A\nb\nc\nD\nE\n", path="a.md")
    regions = {p.program.text("a.md").removeprefix(HEAD).removesuffix(TAIL) for p in made}
    assert regions == {"A\nb\nc\nd\n", "a\nb\nc\nD\nE\n"}


def test_lines_of_one_kind_are_not_compared() -> None:
    """To match each of them with each other one takes eight times as long for twice as many."""
    few, many = (crossed("a\n" * count, "b\na\n" * (count // 2), 2, path="a.md") for count in (100, 800))
    assert not any(proposal.rejected for proposal in few)
    assert all(proposal.rejected for proposal in many)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1\n", "x = 1\n"),
        ("x = 1\n", "x = 1  # same\n"),
        ("x = 1\n", "y = 1\n"),
        ("def f(:\n", "def f(a:\n"),
        ("", "x = 1\n"),
    ],
)
def test_without_two_differences_there_is_nothing_to_cross(one: str, other: str) -> None:
    """The reason is told, and the program is the parent's."""
    for proposal in crossed(one, other, 5):
        assert "no other program that differs" in proposal.rejected
        assert proposal.parents == (3,)
        assert proposal.program.text("a.py") == HEAD + one + TAIL


def test_every_child_is_valid_and_new() -> None:
    """Of versions of one longer program."""
    text = (
        "def f(a, b=2):\n    c = [x * 2 for x in a if x > b]\n    for x in c:\n        if x > 3:\n            b += x\n"
    )
    text += "        elif x < 1:\n            b -= 1\n    return max(b, len(c)) if c else -1\n"
    other = text.replace("x * 2", "x + 1").replace("b -= 1", "b = 0").replace("len(c)", "7").replace("> 3", "> b")
    other = other.replace("            b += x\n", "            b += x\n            break\n")
    made = crossed(text, other, 100)
    assert not any(proposal.rejected for proposal in made)
    assert len(texts(made)) > 15
    assert not texts(made) & {text, other}
    for child in texts(made):
        compile(child, "a.py", "exec")
