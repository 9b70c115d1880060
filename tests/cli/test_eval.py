"""`evolve eval`: the whole evaluation, as people and programs read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Invoke = Callable[..., Result]

EVALUATE = """
def instances(split):
    return {f"{split}{k}": k for k in range(10)}

def evaluate_stage1(program):
    return {"score": 0.5, "cheap": 1}

def evaluate(program, instance, seed):
    answer = program.call("f", instance)
    return {
        "score": answer + 10 * seed, "weight": 2.5, "measures": {"size": 3},
        "feedback": "odd" if instance == 7 else "",
        "artifacts": {"deep/file.txt": f"{instance}"} if instance == 7 else {},
    }
"""
TOML = """
[task]
direction = "minimize"
[evaluator]
timeout = 20
thresholds = [0.6]
[objectives]
weight = "minimize"
[limits]
memory_mb = 300
"""


@pytest.fixture
def whole(tmp_path: Path, invoke: Invoke) -> Callable[..., Result]:
    """`whole(*arguments)`: evaluate the seed of a task that has everything."""
    folder = tmp_path / "task"
    (folder / "seed").mkdir(parents=True)
    (folder / "evaluate.py").write_text(EVALUATE)
    (folder / "task.toml").write_text(TOML)
    (folder / "seed" / "program.py").write_text("def f(x):\n    return float(x)\n")
    return lambda *arguments: invoke("eval", folder, *arguments, "--sandbox", "process")


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_all_of_an_evaluation_is_shown(whole: Callable[..., Result]) -> None:
    """Score, stages, objectives, metrics, measures, instances at both ends, feedback, artifacts, time and memory."""
    shown = lines(whole())
    for line in (
        "status ok",
        "score 4.5",
        "stages evaluate_stage1 0.5",
        "evaluate 4.5",
        "objectives weight 2.5",
        "instances 10",
        "worst: search9 9, search8 8, search7 7",
        "best: search0 0, search1 1, search2 2",
        "search7: odd",
        "artifacts search7/deep/file.txt (1 byte)",
    ):
        assert line in shown, shown
    assert "cheap 1" in "\n".join(shown)
    assert shown[-1].startswith("took 0.")
    assert "of 20 s" in shown[-1]
    assert shown[-1].endswith("of 300 MiB, sandbox process")


def test_one_stage_may_be_asked_for(whole: Callable[..., Result]) -> None:
    """Alone; an unknown one is named with those there are."""
    shown = lines(whole("--stage", "evaluate_stage1"))
    assert "score 0.5" in shown
    assert not [line for line in shown if line.startswith(("stages", "instances"))]
    wrong = whole("--stage", "third")
    assert wrong.exit_code == 3
    assert "there is no stage 'third'; there are evaluate_stage1, evaluate" in wrong.stderr


def test_repeats_have_a_spread(whole: Callable[..., Result]) -> None:
    """Each with a seed of its own: 0, 1 and 2 here."""
    shown = lines(whole("--repeats", "3", "--split", "held_out"))
    assert "score 14.5 (mean of 3; standard deviation 10, from 4.5 to 24.5)" in shown
    told: dict[str, Any] = json.loads(whole("--repeats", "3", "--json").stdout)
    assert (told["score"], told["fitness"], told["deviation"]) == (14.5, -14.5, 10.0)
    assert [(run["seed"], run["score"]) for run in told["runs"]] == [(0, 4.5), (1, 14.5), (2, 24.5)]


def test_all_of_it_is_data_too(whole: Callable[..., Result], tmp_path: Path) -> None:
    """With --json; artifacts by their sizes, their content where --output says."""
    told: dict[str, Any] = json.loads(whole("--json", "-o", str(tmp_path / "left")).stdout)
    assert told["stages"] == {"evaluate_stage1": 0.5}
    assert told["objectives"] == {"weight": 2.5}
    assert told["measures"] == {"size": 3.0}
    assert len(told["instances"]) == 10
    assert told["artifacts"] == {"search7/deep/file.txt": 1}
    assert told["limits"] == {"seconds": 20.0, "memory_bytes": 300 * 2**20}
    assert (told["split"], told["rejected"]) == ("search", None)
    assert (tmp_path / "left" / "search7" / "deep" / "file.txt").read_text() == "7"


def test_where_artifacts_go_is_looked_at_before_anything_is_scored(tmp_path: Path, invoke: Invoke) -> None:
    """What took an hour to score is not lost for a folder that was there; and that there are none is said."""
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "seed").mkdir()
    (tmp_path / "task" / "seed" / "program.py").write_text("x = 1\n")
    (tmp_path / "task" / "task.toml").write_text("")
    (tmp_path / "task" / "evaluate.py").write_text("raise RuntimeError('it was started')\n")
    again = invoke("eval", tmp_path / "task", "--sandbox", "process", "-o", tmp_path)
    assert again.exit_code == 3
    assert "nothing is written over" in again.stderr
    (tmp_path / "task" / "evaluate.py").write_text("def evaluate(program):\n    return 1\n")
    shown = lines(invoke("eval", tmp_path / "task", "--sandbox", "process", "-o", tmp_path / "left"))
    assert "artifacts none" in shown


def test_a_repeat_that_fails_is_told_first(tmp_path: Path, invoke: Invoke) -> None:
    """With what went wrong, and how many of them did."""
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "program.py").write_text("def f(x):\n    return 1 / (x - 1)\n")
    (tmp_path / "task.toml").write_text("")
    (tmp_path / "evaluate.py").write_text("def evaluate(program, seed):\n    return program.call('f', seed)\n")
    shown = lines(invoke("eval", tmp_path, "--sandbox", "process", "--repeats", "3"))
    assert "status ok 2 times, failed 1 time" in shown
    assert any("ZeroDivisionError" in line for line in shown)
    (tmp_path / "evaluate.py").write_text("def evaluate(program):\n    return program.call('f', 3)\n")
    shown = lines(invoke("eval", tmp_path, "--sandbox", "process", "--repeats", "2"))
    assert "note evaluate() takes no seed: repeats tell noise alone" in shown
