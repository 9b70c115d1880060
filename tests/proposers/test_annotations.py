"""Comments for the tuner that do nothing, and where that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolve import forms
from evolve.options import Options
from evolve.proposers.annotations import unread
from evolve.regions import Regions
from evolve.search import Search
from evolve.types import Program


def said(text: str, path: str = "program.py") -> list[str]:
    """Of a program that may change as a whole."""
    program = Program({path: text.encode()})
    return [str(each) for each in unread(Regions(program), program)]


@pytest.mark.parametrize(
    "comment",
    [
        "tune: 0.8 .. 0.999",
        "tune: 0.8..",
        "tune: 0.8-0.999",
        "tune: yes",
        "tune:",
        "tune : 0.8..0.999",
        "tune 0.8..0.999",
        "tune=0.8..0.999",
        "Tune: 0.8..0.999",
        "TUNE: off",
    ],
)
def test_what_is_not_understood_is_named(comment: str) -> None:
    """With its file, its line, and how it would be written."""
    (told,) = said(f"a = 1\nb = 0.9  # {comment}\n")
    assert told.startswith(f"program.py:2: '# {comment}' is not understood; write tune: on, tune: off, or a range")


@pytest.mark.parametrize(
    "text",
    [
        "a = 0.9  # tune: 0.8..0.999\n",
        "a = 0.9  # a share; tune: 0.8..1 and no more\n",
        "SEED = 7  # tune: on\nb = 2 + 3  #tune:off\n",
        "a = 1.5 + x[1]  # tune: 1.2..1.8\n",  # of two numbers one has a value there
        "a = 3  # to tune: a matter of taste\nb = 4  # tuned on the first 8..12 of them\n",
        'a = 3\nb = "# tune: 1 .. 2"\n\n\ndef f():\n    """Write # tune: this.\n\n    # tune: that\n    """\n',
    ],
)
def test_what_does_something_is_not_named(text: str) -> None:
    """Nor what is prose, or a text of Python's."""
    assert said(text) == []


def test_what_has_no_number_or_no_value_is_named() -> None:
    """On a line of its own, outside of what may change, second on a line, upside down, too narrow."""
    text = """
# tune: 0.1..0.9
a = 0.5
b = x[1]  # tune: 1.2..1.8
c = 2.5  # tune: 3..2
d = 4  # tune: 1..9 # tune: 2..3
"""
    nothing = "does nothing, since no number that may change stands before it on its line; put it behind one"
    narrow = "is a range without a whole number; give it a larger one, or write the number with a point"
    assert said(text) == [
        f"program.py:2: '# tune: 0.1..0.9' {nothing}",
        f"program.py:4: '# tune: 1.2..1.8' {narrow}",
        "program.py:5: '# tune: 3..2' is a range without a value; write its lower end first",
        f"program.py:6: '# tune: 2..3' {nothing}",
    ]
    program = Program(
        {"one.py": b"# EVOLVE-BLOCK-START\na = 1\n# EVOLVE-BLOCK-END\nb = 2  # tune: 1..5\n", "two.bin": b"tune: \xff"}
    )
    (outside,) = unread(Regions(program), program)
    assert (outside.path, outside.line) == ("one.py", 4)
    assert outside.problem in nothing


def test_other_languages_have_them_too() -> None:
    """And Python that does not parse: comments are sought everywhere in it."""
    assert said("int a = 8; /* tune: on */\n#define TILE 32 // tune: 8..64\n", "program.cpp") == []
    assert [each.split(" ")[0] for each in said("int a = 8; // tune: 2\nb -- tune: 4..\n", "p.cpp")] == [
        "p.cpp:1:",
        "p.cpp:2:",
    ]
    assert len(said("def f(:\n    a = 3  # tune: many\n")) == 1
    assert len(said("\ufeffa = 3  # tune: many\n")) == 1


def test_a_run_says_it_of_the_seed_when_it_begins(tmp_path: Path) -> None:
    """Once: not when it is resumed, and not of what comes later."""
    (tmp_path / "seed").mkdir()
    (tmp_path / "task.toml").write_text("")
    (tmp_path / "evaluate.py").write_text('def evaluate(program):\n    return program.call("f", 1.0)\n')
    (tmp_path / "seed" / "program.py").write_text("def f(x):\n    return 0.5 * x  # tune: 0.1 .. 0.9\n")
    heard: list[str] = []
    given = Options(sandbox="process", allow_unsafe=True, workers=1, proposer="mutation")
    task = forms.load(str(tmp_path))
    with Search.start(task, tmp_path / "run", limits={"trials": 3}, options=given, on_notice=heard.append) as search:
        search.run()
    (notice,) = heard
    assert notice.startswith("The seed program, program.py:2: '# tune: 0.1 .. 0.9' is not understood; write tune: on")
    with Search.resume(tmp_path / "run", limits={"trials": 5}, on_notice=heard.append) as search:
        search.run()
    assert heard == [notice]
