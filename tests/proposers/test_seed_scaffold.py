"""The seed scaffold alone: its prompts are the built-in proposer's, and what it makes of answers."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.folders import read_folder
from evolve.proposers._material import EXAMPLE
from evolve.proposers._prompts import Prompts, read_prompts
from evolve.resources import bundled

PLACE = bundled("seeds") / "scaffold"
PROMPTS = Prompts(read_prompts())
VALUES: dict[str, Any] = {**EXAMPLE, "task": "Weigh.", "direction": "maximize"}
TEXT = "# EVOLVE-BLOCK-START\ndef f(x):\n    return x\n\n\ndef g(x):\n    return 2\n# EVOLVE-BLOCK-END\n"


def module(name: str) -> ModuleType:
    """A file of the scaffold that needs none of the others."""
    spec = importlib.util.spec_from_file_location(f"seed_scaffold_{name}", PLACE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


TEMPLATES, ANSWERS = module("templates"), module("answers")

texts = st.text(alphabet=st.sampled_from("ab`\n #|{%}\t."), max_size=30)
scores = st.none() | st.floats(allow_nan=False, allow_infinity=False)
files = st.lists(st.fixed_dictionaries({"path": st.sampled_from(["a.py", "b.txt", "c"]), "text": texts, "note": texts}))
programs = st.fixed_dictionaries(
    {
        "number": st.integers(0, 9),
        "summary": texts,
        "status": st.just("failed"),
        "score": scores,
        "metrics": st.lists(texts, max_size=2),
        "instances": st.lists(texts, max_size=2),
        "feedback": texts,
        "files": files,
    }
)
attempts = st.lists(st.fixed_dictionaries({"summary": texts, "outcome": texts}), max_size=2)


@pytest.mark.parametrize("name", read_prompts())
def test_both_proposers_write_the_same_prompts(name: str) -> None:
    """The scaffold has no Jinja, and renders the same templates to the same letters."""
    assert TEMPLATES.render(name, VALUES) == PROMPTS.render(name, VALUES)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "parent": programs,
            "best": st.none() | programs,
            "partner": programs,
            "inspirations": st.lists(programs, max_size=2),
            "attempts": attempts,
            "deleted": st.lists(texts, max_size=2),
            "ideas": st.lists(texts, max_size=2),
            "lessons": st.lists(texts, max_size=2),
            "marked": st.booleans(),
            "functions": st.booleans(),
            "paths": st.lists(texts, max_size=3),
            "number": st.integers(0, 10**6),
            "problem": texts,
            "task": texts,
            "direction": st.sampled_from(["maximize", "minimize"]),
        }
    )
)
def test_both_render_whatever_comes_the_same(values: dict[str, Any]) -> None:
    """Text of others may hold fences, bars and braces; anything may be missing."""
    for name in read_prompts():
        assert TEMPLATES.render(name, values) == PROMPTS.render(name, values)


def test_there_is_one_copy_of_the_prompts() -> None:
    """In the scaffold, where the built-in proposer finds them; and nowhere in the package."""
    assert {path.name for path in (PLACE / "prompts").iterdir()} == {f"{name}.md.j2" for name in read_prompts()}
    package = Path(sys.modules["evolve"].__file__ or "").parent
    assert [path for path in package.rglob("*.j2") if "_bundled" not in path.parts] == []


def test_it_passes_its_smoke_test() -> None:
    """With nothing but the standard library, and a clean interpreter."""
    done = subprocess.run([sys.executable, "-I", "-S", "checks/smoke.py"], cwd=PLACE, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_is_text_and_small() -> None:
    """Few enough lines to read, and for a prompt to show."""
    program = read_folder(PLACE)
    assert sum(len(content) for content in program.files.values()) < 24_000
    for path, content in program.files.items():
        assert len(content.decode().splitlines()) <= 130, path


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        ("<<<<<<< SEARCH\n    return 2\n=======\n    return 3\n>>>>>>> REPLACE\n", TEXT.replace("2", "3")),
        ("```python\ndef g(x):\n    return 3\n```", TEXT.replace("2", "3")),
        (f"a.py\n```\n{TEXT.replace('2', '3')}```\n", TEXT.replace("2", "3")),
        ("```py\ndef h(x):\n    return 3\n```", "# EVOLVE-BLOCK-START\ndef h(x):\n    return 3\n# EVOLVE-BLOCK-END\n"),
        ("<<<<<<< SEARCH\r\n    return 2\r\n=======\r\n>>>>>>> REPLACE", None),
        (
            "<<<<<<< SEARCH\r\n    return x\r\n=======\r\n    return 7\r\n>>>>>>> REPLACE",
            TEXT.replace("return x", "return 7"),
        ),
        ("Nothing to say.", None),
        ("<<<<<<< SEARCH\n    return 7\n=======\n    return 3\n>>>>>>> REPLACE\n", None),
        ("<<<<<<< SEARCH\nreturn\n=======\nyield\n>>>>>>> REPLACE\n", None),
        ("```python\ndef g(x:\n    return 3\n```", None),
        (f"```\n{TEXT}```", None),
    ],
)
def test_an_answer_becomes_a_change_or_is_refused(answer: str, after: str | None) -> None:
    """A block of lines that are there once, functions, all between the markers, or the whole file; else the reason."""
    changed, reason = None, ""
    try:
        changed = ANSWERS.applied(answer, {"a.py": TEXT})
    except ANSWERS.Refused as refused:
        reason = str(refused)
    assert bool(reason) == (changed is None)
    assert changed == (None if after is None else {"a.py": after})
