"""The diff of two programs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.cli.difference import coloured, difference
from evolve.types import Program

NAMES = st.sampled_from(["main.py", "src/a b.py", "src/é.py", 'odd"name'])
CONTENTS = st.lists(st.sampled_from(["x = 1", "y = 2", "", "é\r", "\x0c", "-- a"]), max_size=6).map("\n".join)
FILES = st.dictionaries(NAMES, CONTENTS.map(str.encode), max_size=4)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Programs over few names and lines, so that two of them overlap."""
    files = draw(FILES)
    executables = frozenset(path for path in files if draw(st.booleans()))
    return Program(files, executables)


def write(program: Program, folder: Path) -> None:
    """The program as files."""
    for path, content in program.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o755 if path in program.executables else 0o644)


def read(folder: Path) -> Program:
    """The files as a program."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    executables = frozenset(name for name, path in files.items() if path.stat().st_mode & 0o100)
    return Program({name: path.read_bytes() for name, path in files.items()}, executables)


@settings(max_examples=40)
@given(programs(), programs())
def test_git_applies_the_difference(old: Program, new: Program) -> None:
    """What `difference(old, new)` says turns the files of one program into those of the other."""
    lines = list(difference(old, new))
    assert (lines == []) == (old == new)
    if not lines:
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(old, folder)
        patch = "".join(line + "\n" for line in lines).encode()
        command = ["git", "apply", "--whitespace=nowarn", "--unidiff-zero", "-"]
        subprocess.run(command, cwd=folder, input=patch, check=True, capture_output=True)
        assert read(folder) == new


def test_binary_files_are_only_named() -> None:
    """Bytes that are no text never reach the terminal."""
    old, new = Program({"a": b"\xff\xfe"}), Program({"a": b"\xff\xfd"})
    assert list(difference(old, new)) == ["diff --git a/a b/a", "Binary files a/a and b/a differ"]


def test_colours_keep_control_characters_from_the_terminal() -> None:
    """An escape sequence in a program is not sent to the terminal."""
    lines = difference(Program({"a": b"x\n"}), Program({"a": b"\x1b]0;owned\x07\n"}))
    assert not any("\x1b]" in line or "\x07" in line for line in coloured(lines))
