"""The simulated model reads prompts of many makers, and answers each in the form that it asks for."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable

import pytest

from evolve.simulated import VERSION, Rates, SimulatedModel
from evolve.simulated_prompt import Shown, read
from evolve.types import Request

Messages = tuple[tuple[str, str], ...]
Apply = Callable[[str, str], str]

PROGRAM = """\
import math

# EVOLVE-BLOCK-START
def weight(size, room):
    rest = room - size

    if rest < 20:
        return 22.0 - 1.5 * rest
    return 2.0 - 0.01 * rest
# EVOLVE-BLOCK-END


def answer():
    return weight(3, 60)
"""
OTHER = PROGRAM.replace("22.0", "33.0").replace("0.01 *", "0.5 +").replace("def w", "# ideas: better constants\ndef w")
BLOCKS = "Give blocks:\n\n<<<<<<< SEARCH\n# lines of the program\n=======\n# lines instead\n>>>>>>> REPLACE\n"
TAGS = "Answer with a name, a text and code.\n\n<NAME>\na_name\n</NAME>\n\n<DESCRIPTION>\nWhy.\n</DESCRIPTION>\n\n"
WHOLE = TAGS + "<CODE>\n```python\n# All of it.\n```\n</CODE>\n"


def shape_of_blocks(*, markers: bool = True) -> Messages:
    """Metrics and other programs first, under headings of their own, then the program and the form."""
    program = PROGRAM if markers else PROGRAM.replace("# EVOLVE-BLOCK-START\n", "").replace("# EVOLVE-BLOCK-END\n", "")
    text = (
        "# Current Program Information\n- Fitness: 0.5\n\n## Output\n\n### stderr\n```\nno_such = 1\n```\n\n"
        f"# History\n\n## Best\n\n### Program 1 (Score: 0.7)\n```python\n{OTHER}\n```\nKey features: none\n\n"
        f"# Current Program\n```python\n{program}\n```\n\n# Task\nMake it better.\n\n{BLOCKS}"
    )
    return (("system", "You improve code."), ("user", text))


def shape_of_tags(form: str, *, heading: str = "# Current program", after: str = "") -> Messages:
    """The form in the system's message, other programs before the program or after it."""
    text = (
        f"# Prior programs\n\n```python\n{OTHER}\n```\n\n{heading}\n\nHere it is:\n\n```python\n{PROGRAM}\n```\n{after}"
    )
    return (("system", form), ("user", text))


def apply_blocks(program: str, answer: str) -> str:
    """Each block's lines, which are there only once and lie between the markers, are replaced."""
    found = re.findall(r"^<{7} SEARCH\n(.*?)\n={7}\n(.*?)\n>{7} REPLACE$", answer, re.DOTALL | re.MULTILINE)
    assert found
    for search, replace in found:
        assert program.count(search) == 1
        assert "EVOLVE-BLOCK" not in search + replace
        assert all(text.strip("\n") == text and text.strip() for text in (search, replace))
        program = program.replace(search, replace)
    return program


def apply_tags(program: str, answer: str) -> str:
    """The name has no spaces; the rest is as `apply_blocks` and `apply_fence` read it."""
    parts = re.fullmatch(
        r"<NAME>\n[a-z0-9_]+\n</NAME>\n\n<DESCRIPTION>\n.+\n</DESCRIPTION>\n\n<(DIFF|CODE)>\n(.*)\n</\1>\n",
        answer,
        re.DOTALL,
    )
    assert parts
    return apply_blocks(program, parts[2]) if parts[1] == "DIFF" else apply_fence(program, parts[2])


def apply_fence(_: str, answer: str) -> str:
    """All of the only fence, which says its language."""
    (text,) = re.findall(r"^```python\n(.*?)^```$", answer, re.DOTALL | re.MULTILINE)
    assert isinstance(text, str)
    return text


SHAPES: dict[str, tuple[Messages, Apply]] = {
    "blocks": (shape_of_blocks(), apply_blocks),
    "tagged blocks": (shape_of_tags(f"{TAGS}<DIFF>\n{BLOCKS}</DIFF>"), apply_tags),
    "tagged fence": (shape_of_tags(WHOLE), apply_tags),
    "tagged cross-over": (
        shape_of_tags(WHOLE + "Perform a cross-over.", after=f"\n# Crossover Programs\n```python\n{OTHER}\n```\n"),
        apply_tags,
    ),
    "tagged mend": (shape_of_tags(WHOLE, heading="# Incorrect Program to Fix"), apply_tags),
    "a fence": ((("user", f"# The current program\n```python\n{PROGRAM}```\nWrite it anew."),), apply_fence),
    "no headings": ((("user", f"Improve this.\n```python\n{PROGRAM}```\nWrite it anew."),), apply_fence),
    "markers alone": ((("user", f"{BLOCKS}\nImprove this:\n\n{PROGRAM}"),), apply_blocks),
}


def answers(messages: Messages, rates: Rates, number: int = 150) -> list[str]:
    model = SimulatedModel(rates=rates)
    return [model.complete(Request(messages=messages, max_tokens=4000)).text for _ in range(number)]


def shown(messages: Messages) -> Shown:
    found = read(messages)
    assert found is not None
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_good_answers_can_be_applied(shape: str) -> None:
    """They change what is between the markers, and nothing else; nearly all of them are programs that parse."""
    messages, apply = SHAPES[shape]
    made = [apply(PROGRAM, text) for text in answers(messages, Rates(good=1, bad=0, malformed=0, refused=0))]
    if shape == "markers alone":  # what is outside of them is not shown
        made = [text.partition("# EVOLVE-BLOCK-END")[0] for text in made]
    assert len(set(made)) >= 40
    for text in made:
        ast.parse(text)
        assert text.startswith("import math\n\n# EVOLVE-BLOCK-START\n")
        assert shape == "markers alone" or text.rstrip().endswith(
            PROGRAM[PROGRAM.index("# EVOLVE-BLOCK-END") :].rstrip()
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_malformed_answers_cannot(shape: str) -> None:
    """Whatever the form."""
    messages, apply = SHAPES[shape]
    for text in answers(messages, Rates(good=0, bad=0, malformed=1, refused=0), 30):
        with pytest.raises((AssertionError, ValueError)):
            apply(PROGRAM, text)


def test_the_program_is_the_one_that_its_heading_tells() -> None:
    """Others are known as versions of it, what programs printed is not."""
    for shape in ("blocks", "tagged blocks", "tagged fence", "tagged mend"):
        found = shown(SHAPES[shape][0])
        assert found.program.text("program.py") == PROGRAM
        assert [other.text("program.py") for other in found.others] == [OTHER]
        assert not found.combine
    assert shown(SHAPES["tagged cross-over"][0]).combine
    assert shown(shape_of_blocks(markers=False)).others == ()


def test_what_may_change_of_another_program_is_enough() -> None:
    """It is put into the place of the program's own."""
    region = OTHER.partition("START\n")[2].partition("# EVOLVE-BLOCK-END")[0]
    text = f"# The program\n\na.py\n```\n{PROGRAM}```\n\n# Another program\n\na.py\n```\n{region}```\n"
    (other,) = shown((("user", text),)).others
    assert other.text("a.py") == OTHER


def test_what_another_program_has_is_taken_over() -> None:
    """Now and then, and mostly when a combination is asked for."""
    counts = []
    for shape in ("tagged fence", "tagged cross-over"):
        texts = answers(SHAPES[shape][0], Rates(good=1, bad=0, malformed=0, refused=0))
        counts.append(sum("another program" in text for text in texts))
        assert any("33.0" in text or "0.5 +" in text for text in texts)
    assert 5 < counts[0] < counts[1] / 2


def test_the_same_request_has_another_answer_when_it_comes_again() -> None:
    """And the same ones in the same order when all begins anew."""
    messages, _ = SHAPES["blocks"]
    first = answers(messages, Rates(), 30)
    assert len(set(first)) > 15
    assert answers(messages, Rates(), 30) == first


def test_the_model_is_frozen() -> None:
    """Searches are compared on one version. Who changes an answer on purpose raises `VERSION` and compares anew."""
    texts = [text for messages, _ in SHAPES.values() for text in answers(messages, Rates(), 40)]
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
    assert (VERSION, digest) == (1, "e23d1c340a728014")
