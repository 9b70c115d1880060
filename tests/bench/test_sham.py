"""A sham edit changes what a scaffold is, and nothing that it does."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.bench.sham import sham
from evolve.errors import TaskError
from evolve.folders import read_folder
from evolve.resources import bundled
from evolve.sandboxes.process import ProcessSandbox
from evolve.scaffolds import smoke_problem
from evolve.types import Program

SEED = read_folder(bundled("seeds") / "scaffold")


def words(content: bytes) -> list[bytes]:
    return content.split()


def test_the_sham_of_the_seed_scaffold_is_the_same_program() -> None:
    """Another tree, the same syntax trees, the same words in the prompts; and it passes its smoke test."""
    edited = sham(SEED)
    assert edited.tree != SEED.tree
    assert edited == sham(SEED)
    assert edited.files.keys() == SEED.files.keys()
    changed = {path for path in SEED.files if edited.files[path] != SEED.files[path]}
    assert {"scaffold.py", "prompts/system.md.j2"} <= changed
    for path in SEED.files:
        if path.endswith(".py"):
            assert ast.dump(ast.parse(edited.files[path])) == ast.dump(ast.parse(SEED.files[path]))
        else:
            assert words(edited.files[path]) == words(SEED.files[path])
            assert len(edited.files[path]) - len(SEED.files[path]) in {0, 1}
    sandbox = ProcessSandbox()
    try:
        assert smoke_problem(edited, sandbox) == ""
    finally:
        sandbox.close()


@given(st.text(alphabet=st.sampled_from("ab (:\n\\\"'#=1."), max_size=40))
def test_whatever_python_is_there_stays_what_it_is(text: str) -> None:
    """Text that is none stays to the letter."""
    program = Program({"a.py": text.encode(), "b.py": b"x = 1\n"})
    edited = sham(program).text("a.py")
    try:
        before = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        assert edited == text
    else:
        assert ast.dump(ast.parse(edited)) == before


def test_templates_keep_their_tags() -> None:
    """Only text between sentences is spaced."""
    template = "{% if a. B %}\nOne thing. {{ two }}\nThree things are. Four are. Five.\n"
    edited = sham(Program({"p.j2": template.encode()})).text("p.j2")
    assert edited == template.replace("Four are. Five", "Four are.  Five")


def test_what_has_neither_code_nor_prompts_has_no_sham() -> None:
    """That is said."""
    with pytest.raises(TaskError, match="nothing to make a sham edit of"):
        sham(Program({"data.bin": b"\xff", "notes.md": b"One. Two.\n", "x.py": b"def ("}))
