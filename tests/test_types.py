from __future__ import annotations

import subprocess

import pytest

from evolve.types import Program, Usage, lane_problem, path_problem


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a//b", "../a", "a/..", "./a", "a/", "a\nb", "a\0b", "a\\b", ".git/config", "x/.GIT/y", ".git.",
     "git~1/a", ".gitmodules", ".gitattributes", "x/.gitattributes", ".evolve/journal.jsonl", "a\x1bb", "a" * 1025,
     "\u202eevil"],
)  # fmt: skip
def test_a_path_that_could_leave_the_program_or_mean_something_to_git_is_refused(path: str) -> None:
    """Nothing that a model writes can name a file outside of the program or a setting of git."""
    assert path_problem(path)
    with pytest.raises(ValueError, match="cannot be a file of a program"):
        Program({path: b""})


@pytest.mark.parametrize("path", ["a.py", "src/main.rs", "a b.txt", "é.md", ".hidden", "gitlike.txt", "-x"])
def test_an_ordinary_path_is_accepted(path: str) -> None:
    """Names that people use are names."""
    assert path_problem(path) is None
    assert Program({path: b"x"}).files == {path: b"x"}


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "-x", ".x", "x.", "x.lock", "a..b", "a~1", "a:b", "", "x" * 201, "a\n", "@"]
)
def test_a_lane_is_named_as_git_names_branches(name: str) -> None:
    """And flat: the branches of a lane `a` and a lane `a/b` could not both be there."""
    assert lane_problem(name)


@pytest.mark.parametrize("name", ["hot", "island-3", "v1.2", "größe", "_x+y", "7", "x" * 200, "HEAD"])
def test_a_lane_with_an_ordinary_name_is_a_branch(name: str) -> None:
    """What is allowed git allows too."""
    assert lane_problem(name) is None
    subprocess.run(["git", "check-ref-format", f"refs/heads/lane/{name}"], check=True)


def test_a_path_cannot_be_file_and_directory() -> None:
    """Such a program could not be written to a disk."""
    with pytest.raises(ValueError, match="both a file and a directory"):
        Program({"a": b"", "a/b/c": b""})


def test_executables_are_files_of_the_program() -> None:
    """A mode without a file is a mistake."""
    with pytest.raises(ValueError, match="executable"):
        Program({"a": b""}, frozenset({"b"}))


def test_replace_changes_adds_and_removes() -> None:
    """And leaves the original as it was."""
    program = Program({"a": b"1", "b": b"2"}, frozenset({"b"}))
    changed = program.replace({"a": b"3", "b": None, "c": b"4"})
    assert changed == Program({"a": b"3", "c": b"4"})
    assert program.files == {"a": b"1", "b": b"2"}
    assert program.tree != changed.tree


def test_the_mode_is_part_of_the_identity() -> None:
    """A script that may be executed is another program."""
    assert Program({"a": b""}).tree != Program({"a": b""}, frozenset({"a"})).tree


def test_usage_adds_up_exactly() -> None:
    """Money is counted in whole nano-dollars."""
    total = sum((Usage(calls=1, nanodollars=150) for _ in range(10**4)), Usage())
    assert total == Usage(calls=10**4, nanodollars=1_500_000)
