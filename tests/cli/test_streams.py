"""Output that nobody reads any more, that cannot be written, or that was never there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evolve.history import History

EVOLVE = [sys.executable, "-m", "evolve"]
QUICK = ["--workers", "1", "--sandbox", "process", "--trials", "3", "--name", "one"]


def with_closed_pipe(arguments: list[str], stream: str, cwd: Path | None = None) -> int:
    """The exit code when nobody reads standard output, or standard error, from the beginning on."""
    reader, writer = os.pipe()
    os.close(reader)
    other = "stderr" if stream == "stdout" else "stdout"
    try:
        end = subprocess.run(
            [*EVOLVE, *arguments],
            cwd=cwd,
            stdout=writer if stream == "stdout" else subprocess.PIPE,
            stderr=writer if stream == "stderr" else subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert b"Traceback" not in (getattr(end, other) or b"")
    return end.returncode


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_search_that_nobody_listens_to_goes_on(stream: str, task: Path, tmp_path: Path) -> None:
    """As in `evolve run ... 2>&1 | head -1`: its exit code is that of the search."""
    assert with_closed_pipe(["run", str(task), *QUICK, "--runs", str(tmp_path)], stream) == 0
    assert History(tmp_path / "one").stopped == "trials"


@pytest.mark.parametrize("verb", ["show", "log", "tree", "export", "best"])
def test_a_reader_that_has_seen_enough_is_no_error(verb: str, run: Path) -> None:
    """As in `evolve log RUN | head -1`."""
    assert with_closed_pipe([verb, str(run)], "stdout") == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_output_that_cannot_be_written_is_an_error(run: Path) -> None:
    """As on a full disk: what was to be in the file is not."""
    with Path("/dev/full").open("wb") as full:
        end = subprocess.run([*EVOLVE, "export", str(run)], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert end.returncode == 8
    assert end.stderr == "evolve: standard output cannot be written: No space left on device\n"


def test_streams_may_be_closed(task: Path, tmp_path: Path) -> None:
    """As by a service that starts it with nothing open: no file of the run takes their numbers."""
    arguments = [*EVOLVE, "run", str(task), *QUICK, "--runs", str(tmp_path)]
    end = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *arguments], check=False)
    assert end.returncode == 0
    assert len(History(tmp_path / "one")) == 4
