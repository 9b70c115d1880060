"""Clones of a run: read without a trace, and what is said when something of them is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evolve.cli.printing import state
from evolve.errors import RunLocked, RunNotFound
from evolve.history import History
from evolve.recovery import recover
from evolve.testing.searches import open_evolution


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of two ledger commits."""
    with open_evolution(tmp_path / "run", trials=70) as evolution:
        evolution.run()
    return tmp_path / "run"


def clone(run: Path, *options: str) -> Path:
    """A clone with git alone."""
    git(run.parent, "clone", "-q", *options, f"file://{run}", "clone")
    return run.parent / "clone"


def files(path: Path) -> set[str]:
    """All that is there, git's own files included."""
    return {str(file) for file in path.rglob("*")}


def test_reading_a_clone_leaves_no_trace(run: Path) -> None:
    """It tells the same as the run, and not one file is new."""
    path = clone(run)
    before = files(path)
    there, here = History(run), History(path)
    assert [trial.program for trial in here.order] == [trial.program for trial in there.order]
    assert [here.commit(n) for n in range(71)] == [there.commit(n) for n in range(71)]
    assert here.best.number == there.best.number
    assert files(path) == before
    path.chmod(0o555)
    assert len(History(path)) == 71


def test_a_clone_of_a_finished_run_is_finished(run: Path) -> None:
    """And one of a run that went on says that it is a clone."""
    assert state(History(clone(run))) == "trials used up"
    with open_evolution(run, trials=90) as evolution:
        evolution.on_trial = lambda trial: evolution.stop("interrupted") if trial.number == 75 else None
        evolution.run()
    git(run.parent / "clone", "fetch", "-q", "origin")
    git(run.parent / "clone", "checkout", "-q", "-B", "trials", "origin/trials")
    assert state(History(run.parent / "clone")) == "cloned"


def test_two_who_resume_a_clone_at_once_do_not_harm_each_other(run: Path) -> None:
    """The second one finds it locked, or what the first one made, and writes nothing over it."""
    path = clone(run)
    with open_evolution(path, trials=75) as evolution:
        evolution.run()
        (path / ".evolve" / "config.toml").rename(path / "config.toml")
        with pytest.raises(RunLocked, match="in use by process"):
            recover(path)
        (path / "config.toml").rename(path / ".evolve" / "config.toml")
    before = (path / ".evolve" / "journal.jsonl").read_bytes()
    recover(path)
    assert (path / ".evolve" / "journal.jsonl").read_bytes() == before
    assert len(History(path)) == 76


def test_a_run_that_lost_its_config_keeps_its_journal(run: Path) -> None:
    """Which has trials that are in no commit of the ledger yet."""
    with open_evolution(run, trials=90) as evolution:
        evolution.on_trial = lambda trial: _fail() if trial.number == 80 else None
        with pytest.raises(RuntimeError, match="out of the blue"):
            evolution.run()
    (run / ".evolve" / "config.toml").unlink()
    with open_evolution(run, trials=90) as evolution:
        assert evolution.learners.told == 81
    assert b"started" in (run / ".evolve" / "config.toml").read_bytes()


def _fail() -> None:
    raise RuntimeError("out of the blue")


@pytest.mark.parametrize("options", [["--single-branch"], ["--depth", "1"], ["--depth", "1", "--no-single-branch"]])
def test_a_clone_without_the_ledger_says_how_to_get_it(options: list[str], run: Path) -> None:
    """The command in the message mends it."""
    path = clone(run, *options)
    with pytest.raises(RunNotFound) as caught:
        History(path)
    said = str(caught.value)
    subprocess.run(["sh", "-c", said[said.index("git -C") :]], check=True, capture_output=True)
    assert len(History(path)) == 71
    with open_evolution(path, trials=75) as evolution:
        assert evolution.run().told == 76


def test_a_repository_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    """Without a command that could not help."""
    git(tmp_path, "init", "-q")
    with pytest.raises(RunNotFound, match="is no run: its repository has no branch 'trials'"):
        History(tmp_path)


@pytest.fixture
def foreign(run: Path) -> dict[str, str]:
    """An environment in which git takes every repository for another user's."""
    return os.environ | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}


def test_a_clone_of_another_user_says_what_git_wants(run: Path, foreign: dict[str, str]) -> None:
    """The command in the message is git's own way of trusting it."""
    path = clone(run)
    for verb in ("show", "resume"):
        end = subprocess.run(
            [sys.executable, "-m", "evolve", verb, str(path)], env=foreign, capture_output=True, text=True, check=False
        )
        assert end.returncode == 6
        assert f"git config --global --add safe.directory {path}" in end.stderr
        assert "no run" not in end.stderr
