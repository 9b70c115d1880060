"""The model that can be taught: what it answers to the seed scaffold's own prompts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evolve.folders import read_folder
from evolve.resources import bundled
from evolve.simulated_answer import written
from evolve.simulated_prompt import read
from evolve.testing.servers import Asked
from evolve.testing.teachable import LESSON, Teachable, repairs
from evolve.types import Program

PROGRAM = "# EVOLVE-BLOCK-START\ndef weight(size):\n    return 2.5 * size\n\n\n# EVOLVE-BLOCK-END\n"
METHOD = "def weight(size):\n    return 7.25 * size\n"
MODEL = Teachable(known={"weight(size)": METHOD}, share=1.0, blunders=0.0)


def said(prompt: str, model: Teachable = MODEL) -> str:
    messages = [{"role": "system", "content": "Improve."}, {"role": "user", "content": prompt}]
    served = model(Asked(0, "/v1/chat/completions", {}, {"model": "m", "messages": messages}))
    document: dict[str, Any] = json.loads(served.body)
    text: str = document["choices"][0]["message"]["content"]
    return text


def prompt(number: int = 1, *, lesson: bool = False, program: str = PROGRAM, path: str = "program.py") -> str:
    lessons = f"# Lessons\n\n- {LESSON}\n\n" if lesson else ""
    form = "Give each change as <<<<<<< SEARCH"
    place = f"This is proposal {number} of the search."
    return f"# The program\n\n{path}\n```python\n{program}```\n\n{lessons}# Your answer\n\n{form}\n\n{place}\n"


def test_with_the_lesson_it_knows_the_method() -> None:
    """And without it another number is all that it can think of; the same one to the same prompt."""
    assert "return 7.25 * size" in said(prompt(lesson=True))
    other = said(prompt())
    assert "return 7.25" not in other
    assert "return 2.5" in other
    assert other == said(prompt())
    assert other != said(prompt(2))


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_third_edit_of_a_scaffold_is_the_lesson(number: int) -> None:
    """All others are idle lines."""
    answer = said(prompt(number, program="# Notes\n\nOne line.\n", path="notes.md"))
    assert (f"\n- {LESSON}\n" in answer) is (number == 3)
    assert "SEARCH\n" in answer


def test_it_blunders_as_often_as_it_is_told() -> None:
    """Such an answer has no change in it."""
    assert "REPLACE" not in said(prompt(), Teachable(known={}, blunders=1.0))


def test_it_knows_the_repositories_as_they_were() -> None:
    """Of each that has a bug, what is marked."""
    known = repairs(bundled("evaluators") / "repository_bugs" / "repositories")
    assert "self.used.remove(key)" in known["lru/cache.py Cache"]
    seed = read_folder(bundled("seeds") / "repository_bugs")
    path = "lru/cache.py"
    model = Teachable(known=known, share=1.0)
    answer = said(prompt(lesson=True, program=seed.text(path), path=path), model)
    assert "self.used.remove(key)" in answer


def test_what_it_writes_is_read_by_who_asked() -> None:
    """The answer to a prompt is in the form that the prompt names."""
    shown = read([("user", prompt())])
    assert shown is not None
    assert shown.blocks
    changed = shown.program.replace({"program.py": PROGRAM.replace("2.5", "3.5").encode()})
    assert isinstance(changed, Program)
    assert ">>>>>>> REPLACE" in written(shown, changed, "a number")
