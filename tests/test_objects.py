from __future__ import annotations

import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evolve.objects import blob_id
from evolve.types import Program

NAME = st.text(string.ascii_letters + string.digits + "-_. +~é", min_size=1, max_size=6)
PATH = st.lists(NAME, min_size=1, max_size=3).map("/".join)


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.dictionaries(PATH, st.binary(max_size=20), min_size=1, max_size=6), data=st.data())
def test_a_program_has_the_tree_id_that_git_gives_its_files(
    files: dict[str, bytes], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Ids computed without git are git's."""
    try:
        program = Program(files, frozenset(data.draw(st.sets(st.sampled_from(sorted(files))))))
    except ValueError:
        return
    folder = tmp_path_factory.mktemp("tree")
    git(folder, "init", "-q")
    for path, content in program.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o755 if path in program.executables else 0o644)
    git(folder, "add", "--all", "--force", ".")
    assert program.tree == git(folder, "write-tree")


def test_the_empty_blob_has_its_well_known_id() -> None:
    """The id that every git repository knows."""
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
