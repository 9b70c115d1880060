"""The text of prompts: what is done to what templates give, and what stands in fences."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from evolve.proposers._prompts import Prompts, fenced

PIECES = ["```", "````", "```python", "a ```", " ```", "``", "# heading", "#", "text", "", "  ", "\t"]


def tidied(text: str) -> str:
    """A template that is nothing but this text, rendered."""
    return Prompts({"it": "{{ text }}"}).render("it", {"text": text})


def by_lines(text: str) -> str:
    """The same, line by line."""
    lines: list[str] = []
    ticks = ""
    for line in text.strip().split("\n"):
        run = re.match("`{3,}", line)
        if run and not ticks:
            ticks = run.group()
        elif line == ticks:
            ticks = ""
        if not ticks and line.startswith("#") and lines and lines[-1]:
            lines.append("")
        if ticks or line.strip() or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"


@given(st.lists(st.sampled_from(PIECES)).map("\n".join))
def test_text_is_tidied_as_if_line_by_line(text: str) -> None:
    """A replay asks what was asked: not a character may differ, whatever the fences are."""
    assert tidied(text) == by_lines(text)


@given(st.text("`a#\n "))
def test_what_is_in_a_fence_is_copied_as_it_is(text: str) -> None:
    """Blank lines and headings too, and nothing in it ends the fence."""
    fence = fenced(text, "program.py")
    ticks = re.match("`+", fence)
    assert ticks is not None
    assert ticks.group() not in text
    assert fence == f"{ticks.group()}python\n{text.strip(chr(10))}\n{ticks.group()}"
    assert tidied(f"before\n{fence}\nafter") == f"before\n{fence}\nafter\n"


def test_a_heading_has_one_blank_line_before_it() -> None:
    """And never are there two in a row."""
    assert tidied("\n\na\n# b\n\n\n\nc\n```\n# d\n```\n# e") == "a\n\n# b\n\nc\n```\n# d\n```\n\n# e\n"
