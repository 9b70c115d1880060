"""The simulated model: the same answer to the same request, and good, bad or damaged as often as it is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from evolve.errors import ModelFault
from evolve.proposers._outcome import Outcome
from evolve.proposers._patch import Patch, apply_answer
from evolve.regions import Regions
from evolve.simulated import IDEAS, Rates, SimulatedModel
from evolve.types import Program, Request

TEXT = """\
# EVOLVE-BLOCK-START
def weight(size, room):
    rest = room - size
    if rest < 20:
        return 22.0 - 1.5 * rest
    return 2.0 - 0.01 * rest
# EVOLVE-BLOCK-END
"""


def request(number: int, text: str = TEXT, *, more: str = "", path: str = "program.py") -> Request:
    prompt = f"# The program\n\n{path}\n```\n{text.strip()}\n```\nIt scores {number}.\n{more}\n<<<<<<< SEARCH\n"
    return Request(messages=(("system", "Improve."), ("user", prompt)), max_tokens=4000)


def patches(rates: Rates, *, text: str = TEXT, path: str = "program.py", **more: Any) -> list[Patch]:
    program = Program({path: text.encode()})
    model = SimulatedModel(rates=rates)
    replies = [model.complete(request(number, text, path=path, **more)) for number in range(200)]
    return [apply_answer(reply.text, program, Regions(program)) for reply in replies]


def test_the_same_request_has_the_same_answer() -> None:
    """Whoever asks, and however often; another seed has others."""
    first = [SimulatedModel().complete(request(number)) for number in range(30)]
    model = SimulatedModel()
    assert [model.complete(request(number)) for number in range(30)] == first
    other = SimulatedModel(seed=1)
    assert [other.complete(request(number)) for number in range(30)] != first


def test_good_answers_are_changes_of_the_program() -> None:
    """That can be applied, nearly all of them, and differ."""
    made = patches(Rates(good=1, bad=0, malformed=0, refused=0))
    applied = [patch.program for patch in made if patch.program is not None]
    assert len(applied) >= 190
    assert len({program.tree for program in applied}) >= 80


@pytest.mark.parametrize("path", ["program.txt", "kernel.cpp"])
def test_programs_of_any_language_are_changed(path: str) -> None:
    """In a number."""
    made = patches(Rates(good=1, bad=0, malformed=0, refused=0), text="Use 20 words, or 30.\n", path=path)
    assert sum(patch.program is not None for patch in made) >= 190


def test_rates_are_kept() -> None:
    """Each kind as often as it is told."""
    made = Counter(patch.outcome for patch in patches(Rates(good=0.5, bad=0, malformed=0.5, refused=0)))
    assert made[Outcome.APPLIED] == pytest.approx(100, abs=25)
    refusing = SimulatedModel(rates=Rates(good=0.5, bad=0, malformed=0, refused=0.5))
    finishes = Counter(refusing.complete(request(number)).finish for number in range(200))
    assert finishes["refusal"] == pytest.approx(100, abs=25)
    spoilt = [patch for patch in patches(Rates(good=0, bad=1, malformed=0, refused=0)) if patch.program is not None]
    assert all("no_such_name" in _text(patch) or "(0 / 0)" in _text(patch) for patch in spoilt)
    failing = SimulatedModel(rates=Rates(failing=1))
    with pytest.raises(ModelFault) as fault:
        failing.complete(request(1))
    assert not fault.value.sent


def test_some_ideas_work_only_after_others() -> None:
    """What lacks the idea that it needs comes out as a program that raises."""
    made = [_text(patch) for patch in patches(Rates(good=1, bad=0, malformed=0, refused=0)) if patch.program]
    found = {idea for text in made for idea in IDEAS if f"ideas: {idea}" in text}
    assert found == {"better constants"}
    ready = TEXT.replace("def weight", "# ideas: better constants\ndef weight")
    later = [_text(p) for p in patches(Rates(good=1, bad=0, malformed=0, refused=0), text=ready) if p.program]
    assert any("# ideas: better constants, more terms" in text for text in later)
    assert all("more terms, curved terms" in text for text in later if "curved terms" in text)


def test_an_idea_that_is_shown_elsewhere_is_likelier() -> None:
    """Inspirations pay."""
    ready = TEXT.replace("def weight", "# ideas: better constants\ndef weight")
    rates = Rates(good=1, bad=0, malformed=0, refused=0)
    more = "# Other programs\n```\n# ideas: better constants, special cases\n```\n"
    alone, inspired = (
        sum("special cases" in _text(patch) for patch in patches(rates, text=ready, **given) if patch.program)
        for given in ({}, {"more": more})
    )
    assert inspired > 1.5 * alone > 0


@pytest.mark.parametrize(
    "prompt", ["", "Hello.", "# The program\n\n../x\n```\na\n```\n", "```\n```", "# The program\n"]
)
def test_a_prompt_without_a_program_is_no_exception(prompt: str) -> None:
    """It says so."""
    model = SimulatedModel(rates=Rates(good=1, bad=0, malformed=0, refused=0))
    reply = model.complete(Request(messages=(("user", prompt),), max_tokens=100))
    assert reply.finish == "stop"
    assert reply.text


def test_tokens_are_counted_and_cost_nothing() -> None:
    """And never more than was reserved."""
    model = SimulatedModel()
    for number in range(50):
        asked = request(number)
        most, usage = model.most(asked), model.complete(asked).usage
        assert usage.nanodollars == most.nanodollars == 0
        assert 0 < usage.input_tokens <= most.input_tokens
        assert usage.output_tokens <= most.output_tokens
    short = Request(messages=request(1).messages, max_tokens=5)
    assert {model.complete(short).finish, model.complete(short).usage.output_tokens} == {"length", 5}


def test_rates_that_cannot_be_are_refused() -> None:
    """One kind of answer has to be left."""
    with pytest.raises(ValueError, match="rates"):
        Rates(good=0, bad=0, malformed=0, refused=0)
    with pytest.raises(ValueError, match="rates"):
        Rates(good=-1)


def _text(patch: Patch) -> str:
    assert patch.program is not None
    return next(iter(patch.program.files.values())).decode()
