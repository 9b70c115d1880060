"""`kill -9` at whatever may become of a challenger: the run that is taken up again has the same commits."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from evolve.testing.lineages import work


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, str]]]:
    """A run that nobody disturbed, and what was said in it."""
    path = tmp_path_factory.mktemp("lineages") / "whole"
    return path, work(path)


def refs(path: Path) -> str:
    """The best and the adopted program, and every commit that led there."""
    branches = ["best", "adopted"]
    named = subprocess.run(["git", "-C", str(path), "rev-parse", *branches], check=True, capture_output=True, text=True)
    commits = subprocess.run(
        ["git", "-C", str(path), "rev-list", *branches], check=True, capture_output=True, text=True
    )
    return named.stdout + commits.stdout


def test_all_becomes_of_somebody(whole: tuple[Path, list[tuple[int, str]]]) -> None:
    """So that there is a moment of each kind to be killed at."""
    kinds = {"confirming", "rejected", "asked", "adopted", "promoted", "rolled back"}
    assert {kind for _, kind in whole[1]} == kinds


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_each_kind_of_decision(phase: str, whole: tuple[Path, list[tuple[int, str]]], tmp_path: Path) -> None:
    """In the middle of a confirmation, and where it ends, where a person answers, and where a canary is rolled back:
    the journal has it and the gate has not heard of it, or it has, and git knows nothing yet."""
    undisturbed, said = whole
    first = {kind: count for count, kind in reversed(said)}
    answered = next(count for count, kind in said if kind == "adopted" and count > first["asked"])
    moments = {(count, phase) for count in (*first.values(), answered)} | {(first["confirming"] + 7, "during")}
    path = tmp_path / "run"
    for count, how in sorted(moments):
        command = [sys.executable, "-m", "evolve.testing.lineages", str(path), str(count), how]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert work(path) == said
    assert refs(path) == refs(undisturbed)
