from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evolve.errors import RunDamaged, RunNotFound
from evolve.history import History
from evolve.testing.searches import open_evolution


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with open_evolution(tmp_path / "run", trials=40) as evolution:
        evolution.run()
    return tmp_path / "run"


def test_the_table_has_a_row_for_each_trial_with_its_commit(path: Path) -> None:
    """The ids are git's, though git was not asked."""
    history = History(path)
    frame = history.trials
    assert list(frame["number"]) == list(range(41))
    form = "--format=%(trailers:key=Trial,valueonly,separator=) %H"
    said = subprocess.run(["git", "log", form, "trials"], cwd=path, capture_output=True, text=True, check=True).stdout
    commits = dict(line.split() for line in said.splitlines() if not line.startswith(" "))
    assert {str(number): commit for number, commit in zip(frame["number"], frame["commit"], strict=True)} == commits
    assert frame["score"].max() == history.best.evaluation.score


def test_the_best_program_is_the_one_in_the_work_tree(path: Path) -> None:
    """What `best` says and what the directory shows are the same."""
    history = History(path)
    assert history.program(history.best.number).files["program.py"] == (path / "program.py").read_bytes()
    assert history.stopped == "trials"
    assert history.limits == {"trials": 40}
    assert history.in_flight == ()


def test_a_trial_that_is_not_there_is_said_not_to_be(path: Path) -> None:
    """With what there is."""
    with pytest.raises(RunNotFound, match="no trial 99; it has 41, up to 40"):
        History(path)[99]


def test_a_run_in_progress_can_be_read(tmp_path: Path) -> None:
    """By another reader, without a lock, in the middle of it."""
    seen: list[int] = []

    with open_evolution(
        tmp_path / "run", trials=10, on_trial=lambda _: seen.append(len(History(tmp_path / "run")))
    ) as evolution:
        evolution.run()
    assert seen == list(range(1, 12))


def test_a_run_that_has_not_scored_anything_yet_has_no_best(tmp_path: Path) -> None:
    """And a folder that is no run says so."""
    with open_evolution(tmp_path / "run"):
        pass
    with pytest.raises(RunNotFound, match="no trial with a score"):
        _ = History(tmp_path / "run").best
    with pytest.raises(RunNotFound, match="no run directory"):
        History(tmp_path)
    (tmp_path / "half" / ".evolve").mkdir(parents=True)
    with pytest.raises(RunDamaged, match="before it was set up"):
        History(tmp_path / "half")
