"""`evolve attribute`: a run of scaffolds whose third edit is truly better, and the others worth nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evolve import forms
from evolve.bench.attributing import chosen_trials
from evolve.errors import TaskError
from evolve.history import History
from evolve.models.transcript import Transcript
from evolve.options import Options
from evolve.search import Search
from evolve.testing.climbers import answer, write_tasks
from evolve.testing.servers import FakeService

GATE = "[gate]\ncap = 40\nleast = 4\nhopeful = 8\nevery = 1\ngain_asked = 1.0\n"


@pytest.fixture(scope="module")
def service() -> Iterator[FakeService]:
    with FakeService(answer) as made:
        yield made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, service: FakeService) -> Path:
    """It has adopted trial 3."""
    folder = tmp_path_factory.mktemp("lineage")
    task = write_tasks(folder, GATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-planted")
        given = Options(
            sandbox="process", allow_unsafe=True, workers=1, calls_in_flight=1, archive="best-of-n", models=["fake"],
            prices=["1/10"], base_url=service.url, seed=0,
        )  # fmt: skip
        with Search.start(forms.load(task), folder / "run", limits={"trials": 4}, options=given) as search:
            search.run()
    return folder / "run"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")


def attribute(run: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evolve", "attribute", str(run), "-o", str(folder), *more]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def said(end: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert end.returncode == 0, end.stderr
    found: dict[str, Any] = json.loads(end.stdout)
    return found


def test_a_better_scaffold_is_told_from_a_sham(run: Path, tmp_path: Path, service: FakeService) -> None:
    """What was adopted, against the seed; and the same command once more asks nobody and says the same."""
    end = attribute(run, tmp_path / "data", "--rounds", "6", "--json")
    found = said(end)
    assert (found["verdict"], found["rounds"]) == ("larger", 6)
    gain, sham, beyond = found["differences"]
    assert gain["low"] > 0.1
    assert beyond["low"] > 0.1
    assert (sham["mean"], sham["low"], sham["high"]) == (0.0, 0.0, 0.0)
    assert found["calls"] == 6 * 3 * 3
    assert "6 rounds, of 9 calls at most" in end.stderr
    before = len(service.asked)
    again = attribute(run, tmp_path / "data", "--rounds", "6")
    assert again.returncode == 0, again.stderr
    assert "The gain is larger than a sham edit's" in again.stdout
    assert "new - sham" in again.stdout
    assert len(service.asked) == before
    rows = pd.read_parquet(tmp_path / "data" / "rounds" / "0000.parquet")
    assert rows["arm"].nunique() == 3
    other = attribute(run, tmp_path / "data", "--rounds", "6", "--trial", "1")
    assert other.returncode == TaskError.exit_code
    assert "another comparison, of other scaffolds" in other.stderr


def test_a_worthless_edit_is_told_so(run: Path, tmp_path: Path) -> None:
    """Trial 1 changed a comment."""
    end = attribute(run, tmp_path / "data", "--rounds", "5", "--trial", "1", "--quiet")
    assert end.returncode == 0, end.stderr
    assert "The gain is not larger than a sham edit's" in end.stdout
    assert end.stderr == ""


def test_its_budget_is_never_passed_and_it_goes_on(run: Path, tmp_path: Path, service: FakeService) -> None:
    """Also in the middle of a round, whose answers are found again: nothing is asked twice."""
    folder, before = tmp_path / "data", len(service.asked)
    end = attribute(run, folder, "--rounds", "5", "--calls", "13")
    assert end.returncode == 0, end.stderr
    assert len(service.asked) - before <= 13
    assert "5 rounds, of 9 calls at most" in end.stderr
    assert "Only 1 of 5 rounds could be made" in end.stderr
    assert "Nothing can be said of 1 round: make at least 5." in end.stdout
    assert said(attribute(run, folder, "--rounds", "5", "--json", "--quiet"))["verdict"] == "larger"
    assert len(service.asked) - before == 5 * 3 * 3
    transcript = Transcript(folder / "transcript.jsonl")
    try:
        assert sum(len(transcript.calls(key)) for key in transcript.trials()) == 5 * 3 * 3
    finally:
        transcript.close()
    none = attribute(run, tmp_path / "none", "--rounds", "5", "--calls", "2")
    assert none.returncode == 0
    assert "the next call may take 1 call, more than is left of the budget" in none.stderr


def test_old_and_new_can_be_named(run: Path) -> None:
    """By default what is adopted, and the seed."""
    history = History(run)
    assert chosen_trials(history, None, "seed") == (0, 3)
    assert chosen_trials(history, None, "previous") == (0, 3)
    assert chosen_trials(history, 2, 1) == (1, 2)
    assert chosen_trials(history, "best", "seed") == (0, history.best.number)
    assert chosen_trials(history, 2, "best") == (history.best.number, 2)
    with pytest.raises(TaskError, match="nothing was adopted before trial 2"):
        chosen_trials(history, 2, "previous")
    with pytest.raises(TaskError, match="both old and new"):
        chosen_trials(history, "seed", 0)


def test_a_run_that_found_nothing_better_has_nothing_to_attribute(service: FakeService, tmp_path: Path) -> None:
    """Its best is the seed, and nothing else was named."""
    task = write_tasks(tmp_path, "")
    given = Options(
        sandbox="process", allow_unsafe=True, workers=1, models=["fake"], prices=["1/10"], base_url=service.url
    )
    with Search.start(forms.load(task), tmp_path / "run", limits={"trials": 1}, options=given) as search:
        search.run()
    with pytest.raises(TaskError, match=r"nothing in .* is better than its seed, so there is no gain to attribute"):
        chosen_trials(History(tmp_path / "run"), None, "seed")


def test_what_cannot_be_attributed_is_said(run: Path, tmp_path: Path) -> None:
    """Usage, a clone, a trial that is not there; and nothing is left of it."""
    wrong = attribute(run, tmp_path / "data", "--against", "yesterday")
    assert wrong.returncode == 2
    assert "'yesterday' is no trial: give its number, or 'best', 'seed' or 'previous'" in wrong.stderr
    assert "'previous' is no trial" in attribute(run, tmp_path / "data", "--trial", "previous").stderr
    same = attribute(run, tmp_path / "data", "--trial", "seed")
    assert same.returncode == TaskError.exit_code
    assert "trial 0 is both old and new" in same.stderr
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(run), str(clone)], check=True)
    assert "attribute the run that it was cloned from" in attribute(clone, tmp_path / "data").stderr
    assert "has no trial 99" in attribute(run, tmp_path / "data", "--trial", "99").stderr
    assert not (tmp_path / "data").exists()
