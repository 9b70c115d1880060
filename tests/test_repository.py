"""What git has is known at once, and no object more."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import git
import pytest

from evolve.errors import LineageError
from evolve.objects import blob_id
from evolve.repository import Stored, open_repository


@pytest.fixture
def path(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def write(path: Path, content: bytes) -> str:
    command = ["git", "-C", str(path), "hash-object", "-w", "--stdin"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode().strip()


def test_what_is_stored_is_there_and_nothing_else(path: Path) -> None:
    """Packed, loose or both; of what is not there ids below, between and above."""
    names = [write(path, str(number).encode()) for number in range(40)]
    subprocess.run(["git", "-C", str(path), "pack-objects", "-q", ".git/objects/pack/pack"], input="\n".join(
        names[:25]
    ), text=True, capture_output=True, check=True)  # fmt: skip
    with open_repository(path) as repository:
        stored = Stored(repository)
    assert len(stored) == 40
    assert all(name in stored for name in names)
    others = [blob_id(str(number).encode()) for number in range(40, 400)]
    assert not any(name in stored for name in (*others, "0" * 40, "f" * 40))


def test_an_empty_repository_has_nothing(path: Path) -> None:
    """Not even the empty tree, which git knows without storing it."""
    with open_repository(path) as repository:
        stored = Stored(repository)
    assert len(stored) == 0
    assert hashlib.sha1(b"tree 0\0").hexdigest() not in stored


def test_what_came_later_is_not_known(path: Path) -> None:
    """It is what there was when it was asked."""
    with open_repository(path) as repository:
        stored = Stored(repository)
        assert write(path, b"later") not in stored


def test_a_repository_that_cannot_be_listed_is_said(path: Path) -> None:
    """With what git says."""
    repository = git.Repo(path)
    (path / ".git" / "HEAD").unlink()
    with pytest.raises(LineageError, match="git cannot list"), repository:
        Stored(repository)
