from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from evolve.errors import RunDamaged, RunNotFound
from evolve.history import History
from evolve.testing.fakes import FunctionEvaluator, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Evaluation, Program, Status


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
    with pytest.raises(RunNotFound, match="no trial 99; its last one is 40"):
        History(path)[99]


def test_a_history_is_a_sequence_of_its_trials(path: Path) -> None:
    """In the order in which they were told."""
    history = History(path)
    assert [trial.number for trial in history] == [trial.number for trial in history.order] == list(range(41))
    assert history.best in history


def test_what_is_no_number_is_said_to_be_none(path: Path) -> None:
    """A name, a slip of the type or a float from a table; numpy's whole numbers are numbers."""
    history = History(path)
    for wrong in ("best", 1.0, True, None):
        with pytest.raises(TypeError, match=f"not by {wrong!r}; the best one is history.best"):
            history.program(wrong)  # type: ignore[arg-type]
    assert history[history.trials["number"].iloc[3]].number == 3


def test_a_history_says_what_it_is(path: Path, tmp_path: Path) -> None:
    """Where, how many trials and the best, also when there is none."""
    history = History(path)
    assert re.fullmatch(
        rf"<History of {path}: 40 trials, best -[0-9.e-]+ \(trial {history.best.number}\)>", repr(history)
    )
    with open_evolution(tmp_path / "empty"):
        pass
    assert repr(History(tmp_path / "empty")) == f"<History of {tmp_path}/empty: 0 trials, none with a score>"


def test_the_types_of_the_columns_do_not_depend_on_the_run(path: Path, tmp_path: Path) -> None:
    """Not on whether scores are whole, on whether any trial failed, nor on whether there is any trial."""

    def whole(program: Program) -> Evaluation:
        score = float(round(number_score(program)))
        if score <= -4.0:
            return Evaluation(status=Status.FAILED, feedback="too far")
        return Evaluation(status=Status.OK, score=score, fitness=score)

    with open_evolution(tmp_path / "whole", trials=30, evaluator=FunctionEvaluator(whole)) as evolution:
        evolution.run()
    with open_evolution(tmp_path / "empty"):
        pass
    frames = [History(tmp_path / "whole").trials, History(tmp_path / "empty").trials, History(path).trials]
    assert [len(frame) for frame in frames] == [31, 0, 41]
    kinds = [frame.dtypes.astype(str).to_dict() for frame in frames]
    assert kinds[0] == kinds[1] == kinds[2]
    assert {kinds[0][name] for name in ("score", "fitness", "dollars", "seconds")} == {"float64"}
    assert frames[0]["score"].isna().any()
    documented = History.trials.__doc__
    assert documented is not None
    assert [name for name in kinds[0] if str(name) not in documented] == []


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
