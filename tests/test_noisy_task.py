"""A task that says in its task.toml that scores are noisy, or that they are not: from a folder to a run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

import evolve
from evolve.cli.app import command
from evolve.errors import TaskError
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.testing.sandboxes import available

NOISY = """
import random

def evaluate(program, seed):
    noise = random.Random(seed).gauss(0, 0.2)
    return {"score": -abs(program.call("value") - 3.0) + noise, "metrics": {"noise": noise}}
"""
Make: TypeAlias = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def folder(settings: str, evaluate: str = NOISY) -> Path:
        path = tmp_path / "task"
        (path / "seed").mkdir(parents=True)
        (path / "task.toml").write_text(f"[evaluator]\n{settings}\n")
        (path / "evaluate.py").write_text(evaluate)
        (path / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
        return path

    return folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def test_a_task_asks_for_a_race(make: Make, tmp_path: Path) -> None:
    """Its trials are scored several times, `show` says how often and how sure that is, and who was raced against."""
    run = evolve.run(
        make("repeats_most = 6\nconfidence = 0.9\nnoise_range = 2.0"),
        trials=15,
        workers=1,
        sandbox="process",
        runs=tmp_path,
        name="run",
    )
    scored = [trial for trial in run.order if trial.fitness is not None]
    assert all(len(trial.evaluation.samples) >= 3 for trial in scored)
    raced = [trial for trial in scored if trial.evaluation.won is not None]
    assert len(raced) > 5
    shown = invoke("show", tmp_path / "run", raced[-1].number).output
    assert f"repeats   {len(raced[-1].evaluation.samples)}, standard error " in shown
    assert f"against trial {raced[-1].evaluation.rescored[-1].number}, which was scored" in shown
    best = invoke("best", tmp_path / "run", "--json").output
    assert f'"number": {run.best.number}' in best
    assert '"standard_error": 0.' in best


def test_fixed_repeats_are_scored_so_often(make: Make, tmp_path: Path) -> None:
    """And each counts as an evaluation."""
    task = make("repeats = 4")
    run = evolve.run(task, evaluations=30, workers=1, sandbox="process", runs=tmp_path, name="run")
    spent = sum(trial.evaluation.evaluations for trial in run.order if str(trial.evaluation.status) == "ok")
    assert all(len(trial.evaluation.samples) == 4 for trial in run.order if trial.fitness is not None)
    assert 20 <= spent <= 30
    assert "4, standard error" in invoke("show", tmp_path / "run", 0).output
    assert "4" in invoke("eval", task, "--sandbox", "process").output


def test_a_budget_that_no_trial_fits_in_is_refused(make: Make, tmp_path: Path) -> None:
    """Before anything was spent, and nothing is left of the run."""
    with pytest.raises(TaskError, match="may take 123 evaluations"):
        evolve.run(make("repeats_most = 30"), evaluations=122, sandbox="process", runs=tmp_path, name="run")
    assert not (tmp_path / "run").exists()


DETERMINISTIC = "def evaluate(program):\n    return -abs(program.call('value') - 3.0)\n"


def test_the_cache_is_for_sandboxes_that_keep_programs_from_it(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the process sandbox a candidate could write to it; so nothing is read from it there, and it is said."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    task = make("cache = true", DETERMINISTIC)
    arguments = ["run", task, "--trials", 3, "--workers", 1, "--sandbox", "process", "--runs", tmp_path / "runs"]
    told = invoke(*arguments)
    assert "Nothing is cached: in the process sandbox programs could write to the cache." in told.output
    assert not (tmp_path / "cache" / "evolve" / "evaluations").exists()


def test_the_second_search_finds_what_the_first_one_scored(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same trials and commits; the costs say that they were known."""
    available(BubblewrapSandbox).close()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    task = make("cache = true", DETERMINISTIC)
    search = partial(evolve.run, task, trials=12, workers=1, sandbox="bubblewrap", runs=tmp_path)
    runs = [search(name=name) for name in ("one", "two")]
    cached = [[trial.evaluation.cost.cached for trial in run.order if trial.fitness is not None] for run in runs]
    assert not any(cached[0])
    assert all(cached[1])
    heads = [
        subprocess.check_output(["git", "rev-parse", "best", "trials"], cwd=tmp_path / name) for name in ("one", "two")
    ]
    assert heads[0] == heads[1]
    assert "now it was known" in invoke("show", tmp_path / "two", 0).output
