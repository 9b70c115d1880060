"""Mutation edits one parent, and says in words what it did."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.proposers.mutation import Mutation
from evolve.regions import Regions
from evolve.testing.trials import ask, selection, trial
from evolve.types import Context, Program, Proposal

TEXT = '''\
"""Frozen."""
LIMIT = 7

# EVOLVE-BLOCK-START
def priority(item, room):
    gap = room - item  # what is left
    if gap < 3:
        return 100.0 - gap
    return -1.5 * gap if item > 35 else gap * 2
# EVOLVE-BLOCK-END


def main():
    return priority(LIMIT, 99)
'''


def proposals(files: dict[str, str | bytes], draws: int, editable: tuple[str, ...] = ()) -> list[Proposal]:
    program = Program({path: text.encode() if isinstance(text, str) else text for path, text in files.items()})
    mutation = Mutation(Regions(program, editable))
    parent = trial(0, program)
    return [mutation.plan(selection(parent), ask(number))() for number in range(1, draws + 1)]


def test_proposals_are_many_and_valid() -> None:
    """Hardly any is rejected or twice the same, and every one compiles."""
    made = proposals({"program.py": TEXT}, 300)
    assert not any(proposal.rejected for proposal in made)
    assert len({proposal.program.tree for proposal in made}) > 240
    for proposal in made:
        compile(proposal.program.text("program.py"), "program.py", "exec")


def test_the_text_around_an_edit_stays() -> None:
    """Most lines, their comments and their layout are the parent's."""
    lines = set(TEXT.splitlines())
    kept = [len(lines & set(p.program.text("program.py").splitlines())) for p in proposals({"program.py": TEXT}, 200)]
    assert np.median(kept) >= len(lines) - 1


def test_one_to_three_edits_are_made_at_once() -> None:
    """One, mostly."""
    edits = [proposal.summary.count("; ") + 1 for proposal in proposals({"program.py": TEXT}, 400)]
    assert set(edits) == {1, 2, 3}
    assert edits.count(1) > 220 > edits.count(2) > edits.count(3)


def test_the_summary_tells_what_changed() -> None:
    """With the old text, the new one and the function."""
    summaries = {proposal.summary for proposal in proposals({"program.py": TEXT}, 600)}
    assert "replace 3 by 4 in priority" in summaries
    assert "reduce 100.0 - gap to 100.0 in priority" in summaries
    assert any(summary.startswith("wrap gap in `gap if ") for summary in summaries)


def test_the_mutated_file_is_named_when_there_are_several() -> None:
    """And each of them gets its turn."""
    made = proposals({"a.py": "x = 3\n", "b/c.py": "y = 4\n"}, 60)
    assert {proposal.summary.rpartition(" ")[2] for proposal in made} == {"(a.py)", "(b/c.py)"}


def test_in_other_languages_numbers_change_and_nothing_else() -> None:
    """Integers stay integers; what may be octal, hexadecimal or a name is left alone."""
    text = "int x1 = 20; // EVOLVE\ndouble y = 2.50e-3 * 0777 + 0x1f;\n"
    made = proposals({"a.c": text}, 80)
    assert not any(proposal.rejected for proposal in made)
    for proposal in made:
        head, tail = "int x1 = ", "; // EVOLVE\ndouble y = "
        new = proposal.program.text("a.c")
        assert new.startswith(head)
        assert new.endswith(" * 0777 + 0x1f;\n")
        first, second = new.removeprefix(head).removesuffix(" * 0777 + 0x1f;\n").split(tail)
        assert (int(first) == 20) != (float(second) == 0.0025)


@pytest.mark.parametrize("files", [{"a.md": "Be brief.\n"}, {"a.bin": b"\xff\x00 20"}, {"a.py": "'doc'\n"}])
def test_what_offers_nothing_to_change_is_rejected_with_a_reason(files: dict[str, str | bytes]) -> None:
    """The program is the parent's, then."""
    for proposal in proposals(files, 5):
        assert proposal.rejected == "nothing in the evolving regions could be changed"
        assert proposal.program.files == {path: t.encode() if isinstance(t, str) else t for path, t in files.items()}


def test_a_broken_python_file_has_its_numbers_changed() -> None:
    """As a text in a language that is not known."""
    [proposal] = proposals({"a.py": "def f(:\n    return 20\n"}, 1)
    assert proposal.summary.startswith("replace 20 by ")


def test_a_frozen_file_is_never_changed() -> None:
    """Nor text outside the markers."""
    for proposal in proposals({"a.py": "x = 3\n", "b.py": "y = 4\n"}, 40, editable=("a.py",)):
        assert proposal.program.text("b.py") == "y = 4\n"


def test_warnings_of_the_compiler_are_not_heard() -> None:
    """An escape that is none is the parent's affair."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        assert not proposals({"a.py": "x = '\\d' * 3\n"}, 1)[0].rejected
    assert not seen


@given(st.integers(0, 2**32), st.text(max_size=80))
def test_any_text_is_changed_or_rejected_but_never_an_exception(seed: int, text: str) -> None:
    """Whatever a parent holds."""
    program = Program({"a.py": text.encode(errors="surrogatepass")})
    mutation = Mutation(Regions(program))
    proposal = mutation.plan(selection(trial(0, program)), Context(1, np.random.default_rng(seed)))()
    assert (proposal.program.files != program.files) != bool(proposal.rejected)


def test_long_chains_of_mutations_stay_valid() -> None:
    """Each made from the one before."""
    program = Program({"program.py": TEXT.encode()})
    regions = Regions(program)
    mutation = Mutation(regions)
    parent = trial(0, program)
    for number in range(1, 150):
        proposal = mutation.plan(selection(parent), ask(number))()
        assert not proposal.rejected
        assert regions.problem(proposal.program) is None
        parent = trial(number, proposal.program)
    compile(parent.program.text("program.py"), "program.py", "exec")
