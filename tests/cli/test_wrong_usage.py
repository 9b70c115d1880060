"""What is said of a command that cannot be meant so: what is wrong with it, and what may have been meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Invoke = Callable[..., Result]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("shwo first", "there is no verb 'shwo'; did you mean 'show'?"),
        ("sandbox biuld", "there is no verb 'biuld'; did you mean 'build'?"),
        ("bench xyz", "there is no verb 'xyz'; there are run, report"),
        ("--nothing", "No such option"),
    ],
)
def test_a_verb_that_there_is_not(command: str, said: str, invoke: Invoke) -> None:
    """Wrong usage, with the one that may have been meant, or those there are."""
    end = invoke(*command.split())
    assert end.exit_code == 2
    assert said in end.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--baseline nonsense", "above 0 and below 1, such as best-of-n=0.1: it cannot be 'nonsense'"),
        ("--baseline top=2", "above 0 and below 1, such as best-of-n=0.1: it cannot be 'top=2'"),
        ("--tuning maybe", "tuning is auto, on, off, or screen=N, each=N, most=N, not 'maybe'"),
        ("--tuning screen=few", "tuning is auto, on, off, or screen=N, each=N, most=N, not 'screen=few'"),
        ("--price 1/2", "there are no models for what prices says: name one with --model"),
        (
            "--scaffold nowhere --model simulated",
            "there is no scaffold in 'nowhere': it is no folder, and there is no run",
        ),
        ("--stop-when-stalled", "stop_when_stalled would never end this search: the archive 'top'"),
    ],
)
def test_an_option_that_cannot_be(
    options: str, said: str, task: Path, tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything begins: no run is left of it."""
    monkeypatch.chdir(tmp_path)
    end = invoke("run", task, "--sandbox", "process", "--trials", "2", *options.split())
    assert end.exit_code in {3, 4}
    assert said in end.stderr
    assert not (tmp_path / "runs").exists()


def test_a_run_of_something_else(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """What is for scaffolds is said to be so, and what there is not is said with what there is."""
    end = invoke("attribute", run, "-o", tmp_path / "data")
    assert (end.exit_code, "give a run of scaffolds, as `evolve run stop` makes one" in end.stderr) == (3, True)
    assert not (tmp_path / "data").exists()
    assert "only tasks with [gate] in their task.toml adopt anything" in invoke("review", run).stderr
    assert "has no trial 99; its last one is 30" in invoke("show", run, "99").stderr
    scaffold = invoke("run", "bin_packing", "--scaffold", run, "--model", "simulated", "--runs", tmp_path)
    assert "there is no scaffold.py in it, with propose(parent, context)" in scaffold.stderr


def test_a_budget_that_does_not_reach_for_the_seed(tmp_path: Path, invoke: Invoke) -> None:
    """To resume it as it is would come to the same, so the limit is named, and that more is to be given."""
    safe = ("--sandbox", "process", "--allow-unsafe", "--workers", "1")
    asked = ("--model", "simulated", "--calls", "1", "--runs", tmp_path, "--name", "one")
    end = invoke("run", "scaffold", *safe, *asked)
    assert end.exit_code == 7, end.stderr
    said = "what is left of the limit on calls does not reach for the seed's score; give more: evolve resume "
    assert f"{said}{tmp_path / 'one'} --calls N" in end.stderr
    assert said in invoke("resume", tmp_path / "one").stderr
    assert "calls used up" in invoke("show", tmp_path / "one").stdout
