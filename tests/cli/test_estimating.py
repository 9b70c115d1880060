"""`evolve run --estimate`: what is said of a run before it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Invoke = Callable[..., Result]
SAFE = ("--sandbox", "process", "--allow-unsafe", "--workers", "1", "--estimate")


def test_people_read_what_was_measured_what_is_assumed_and_what_comes_of_it(
    task: Path, tmp_path: Path, invoke: Invoke
) -> None:
    """And which limit would end the run. No folder of it is there afterwards."""
    dear = ("--model", "some", "--price", "1/10", "--base-url", "http://localhost:1/v1", "--dollars", "0.5")
    result = invoke("run", task, *SAFE, *dear, "--trials", "100000", "--runs", tmp_path / "runs")
    assert result.exit_code == 0
    said = result.stdout
    assert "nothing is begun, and no model was asked" in said
    assert "measured: the seed was scored 6 times" in said
    assert "are sent back once (assumed)" in said
    assert "dollars per million tokens" in said
    assert said.splitlines()[-1].split(maxsplit=1) == ["ends", "by its limit on dollars"]
    (dollars,) = (line.split() for line in said.splitlines() if line.startswith("dollars "))
    assert 0.2 < float(dollars[1]) <= float(dollars[3]) <= float(dollars[4]) == 0.5
    assert not (tmp_path / "runs").exists()


def test_programs_read_the_same(task: Path, invoke: Invoke) -> None:
    """As JSON: likely from and to, and at most."""
    told = json.loads(invoke("run", task, *SAFE, "--model", "simulated", "--trials", "50", "--json").stdout)
    assert told["likely"]["trials"] == [50, 50]
    assert told["likely"]["calls"][0] < told["likely"]["calls"][1] < told["most"]["calls"] == 100
    assert told["likely"]["dollars"] == [0, 0]
    assert told["ends"] == ["trials", "trials"]
    assert told["evaluation"]["seconds"] > 0
    assert told["models"][0]["name"] == "simulated"


def test_without_a_model_there_is_time_alone(task: Path, invoke: Invoke) -> None:
    """No prompt, no price."""
    said = invoke("run", task, *SAFE, "--trials", "50").stdout
    assert "time " in said
    assert "dollars" not in said
    assert "prompt" not in said


def test_a_budget_for_less_than_one_call_is_said(task: Path, invoke: Invoke) -> None:
    """Nothing would be tried: the worst of a call is set aside first."""
    poor = ("--model", "gpt-5.4-mini", "--dollars", "0.001")
    said = invoke("run", task, *SAFE, *poor).stdout
    assert "ends  before anything is tried, by its limit on dollars" in said
    assert "set aside for a call" in said
