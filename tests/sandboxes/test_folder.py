"""The folder a candidate worked in, filled and wiped."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from evolve.sandboxes import harness


@pytest.fixture(scope="module")
def folder() -> ModuleType:
    """The harness's module of that name."""
    spec = importlib.util.spec_from_file_location("folder", harness.directory() / "folder.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_are_written_with_their_modes(folder: ModuleType, tmp_path: Path) -> None:
    """Executables can be executed, and a file may come in pieces."""
    files = [["a.py", False, False], ["bin/run", True, False], ["a.py", False, True]]
    folder.fill(str(tmp_path), files, [b"one", b"#!", b"two"])
    assert (tmp_path / "a.py").read_bytes() == b"onetwo"
    assert os.access(tmp_path / "bin/run", os.X_OK)
    assert not os.access(tmp_path / "a.py", os.X_OK)


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", "a/../b", ".", ""])
def test_a_path_that_leads_outside_is_refused(folder: ModuleType, tmp_path: Path, path: str) -> None:
    """Whoever sent it."""
    (tmp_path / "inner").mkdir()
    with pytest.raises(ValueError, match="names no file below"):
        folder.fill(str(tmp_path / "inner"), [[path, False, False]], [b""])
    assert list(tmp_path.rglob("*")) == [tmp_path / "inner"]


def test_wiping_follows_no_link(folder: ModuleType, tmp_path: Path) -> None:
    """What a link points to stays."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").write_text("kept")
    work = tmp_path / "work"
    (work / "deep").mkdir(parents=True)
    (work / "link").symlink_to(outside)
    (work / "deep" / "link").symlink_to(outside)
    (work / "deep" / "file").symlink_to(outside / "keep")
    os.mkfifo(work / "pipe")
    folder.wipe(str(work))
    assert list(work.iterdir()) == []
    assert (outside / "keep").read_text() == "kept"


def test_wiping_takes_odd_names_modes_and_depths(folder: ModuleType, tmp_path: Path) -> None:
    """Deeper than a path can name, unreadable, and named in no encoding."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "closed" / "inner").mkdir(parents=True)
    (work / "closed" / "inner" / "file").write_text("x")
    (work / "closed" / "inner").chmod(0)
    (work / "closed").chmod(0)
    Path(os.fsdecode(os.fsencode(work) + b"/\xff\n")).touch()
    place = os.open(work, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d" * 50, dir_fd=place)
        deeper = os.open("d" * 50, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = deeper
    os.close(place)
    folder.wipe(str(work))
    assert list(work.iterdir()) == []
    folder.remove(str(work))
    assert not work.exists()


def test_wiping_makes_the_folder(folder: ModuleType, tmp_path: Path) -> None:
    """When it is not there."""
    folder.wipe(str(tmp_path / "new"))
    assert (tmp_path / "new").is_dir()


def test_wiping_takes_a_folder_that_was_closed_or_replaced(folder: ModuleType, tmp_path: Path) -> None:
    """By a mode that keeps everybody out, by a link to a folder that is to be kept, or by a file."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    work = tmp_path / "work"
    work.mkdir()
    (work / "file").write_text("x")
    work.chmod(0)
    folder.wipe(str(work))
    assert list(work.iterdir()) == []
    work.rmdir()
    work.symlink_to(kept)
    folder.wipe(str(work))
    assert not work.is_symlink()
    work.rmdir()
    work.write_text("a file")
    folder.wipe(str(work))
    assert list(work.iterdir()) == []
    assert (kept / "file").read_text() == "kept"


def test_some_names_may_be_kept(folder: ModuleType, tmp_path: Path) -> None:
    """At the top, and only there."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    (tmp_path / "other" / "kept").mkdir(parents=True)
    folder.wipe(str(tmp_path), keep={"kept"})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]
