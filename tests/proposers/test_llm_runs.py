"""Whole runs with the simulated model: in this process, over HTTP, resumed, and with prompts of the task's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve.errors import TaskError
from evolve.history import History
from evolve.options import Options
from evolve.proposers._prompts import read_prompts
from evolve.proposers.llm import count_answers
from evolve.search import Search
from evolve.simulated import SimulatedModel
from evolve.simulated_server import serve
from evolve.task import Task

BIN_PACKING = Path(__file__).parent.parent.parent / "evaluators" / "bin_packing"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small task with a prompt of its own, in which nothing is slow."""
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "prompts").mkdir()
    (path / "task.toml").write_text('[task]\ndescription = "Come near to three."\n')
    (path / "evaluate.py").write_text("def evaluate(program):\n    return -abs(program.call('value') - 3.0)\n")
    (path / "seed" / "program.py").write_text("def value():\n    return 0.5 + 0.25\n")
    (path / "prompts" / "repair.md.j2").write_text("Mend it.\n\n{% include 'context.md.j2' %}\n<<<<<<< SEARCH\n")
    return path


@pytest.fixture
def service() -> Iterator[str]:
    with serve(SimulatedModel()) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def options(**more: Any) -> Options:
    given = {
        "sandbox": "process",
        "allow_unsafe": True,
        "models": ["simulated"],
        "workers": 1,
        "calls_in_flight": 1,
        "archive": "top",
        "tuning": "off",
    }
    return Options(**{**given, **more})


def search(folder: Path, run: Path, trials: int, **more: Any) -> History:
    with Search.start(Task.load(folder), run, limits={"trials": trials}, options=options(**more)) as made:
        made.run()
    return evolve.load(run)


def test_bin_packing_becomes_better_with_a_simulated_model(tmp_path: Path) -> None:
    """From the command line, in whatever sandbox is the strongest here."""
    command = [sys.executable, "-m", "evolve", "run", str(BIN_PACKING), "--model", "simulated", "--trials", "60"]
    more = [
        "--runs",
        str(tmp_path),
        "--name",
        "run",
        "--seed",
        "1",
        "--workers",
        "1",
        "--calls-in-flight",
        "1",
        "--tuning",
        "screen=2,each=1,most=9",
        "--quiet",
    ]
    end = subprocess.run([*command, *more], capture_output=True, text=True, timeout=1200, check=False)
    if end.returncode == 5 and os.environ.get("CI") != "true":
        pytest.skip(f"no sandbox here isolates: {end.stderr}")
    assert end.returncode == 0, end.stderr
    history = evolve.load(tmp_path / "run")
    assert len(history) - history.tuned == 61
    assert history.tuned > 10
    assert history.config["proposer"] == "llm"
    assert history.best.number > 0
    assert count_answers(history.order)["applied"] >= 30
    shown = subprocess.run(
        [sys.executable, "-m", "evolve", "show", str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    assert " applied, " in shown.stdout


def test_a_run_keeps_its_prompts(folder: Path, tmp_path: Path) -> None:
    """All of their text is in its config, so that it is resumed with the same ones; the task's own are among them."""
    history = search(folder, tmp_path / "run", 6)
    assert history.config["prompts"] == read_prompts(folder)
    assert history.config["prompts"]["repair"].startswith("Mend it.")
    asked = [json.loads(line) for line in (tmp_path / "run" / ".evolve" / "transcript.jsonl").read_text().splitlines()]
    assert "Come near to three." in asked[0]["sent"]["messages"][1][1]


@pytest.mark.parametrize("ensemble", ["weights", "bandit"])
def test_a_run_that_was_resumed_is_the_same_run(folder: Path, tmp_path: Path, ensemble: str) -> None:
    """One at a time, with another model of another weight beside: the same prompts, the same programs."""
    models = tmp_path / "models.toml"
    model = '[[model]]\nname = "{}"\nmodel = "simulated"\nprice = "0/0"\nweight = {}\n'
    models.write_text(model.format("one", 2.0) + model.format("two", 1.0))
    more: dict[str, Any] = {"models": [], "model_file": models, "ensemble": ensemble}
    whole = search(folder, tmp_path / "whole", 40, **more)
    search(folder, tmp_path / "parts", 13, **more)
    with Search.resume(tmp_path / "parts", limits={"trials": 40}) as again:
        again.run()
    parts = evolve.load(tmp_path / "parts")
    assert [t.program.tree for t in parts.order] == [t.program.tree for t in whole.order]
    assert [t.note for t in parts.order] == [t.note for t in whole.order]
    assert {t.note["model"] for t in whole.order if t.note} == {"one", "two"}


def test_the_served_model_gives_the_same_run(folder: Path, tmp_path: Path, service: str) -> None:
    """With only the base URL changed."""
    here = search(folder, tmp_path / "here", 20)
    there = search(folder, tmp_path / "there", 20, base_url=service, prices=["0/0"])
    assert [t.program.tree for t in there.order] == [t.program.tree for t in here.order]
    assert [t.usage for t in there.order] == [t.usage for t in here.order]


def test_a_template_that_is_wrong_is_the_task_s_mistake(folder: Path, tmp_path: Path) -> None:
    """Said with its name before the search begins; nothing is left of a run that could not begin."""
    (folder / "prompts" / "leap.md.j2").write_text("{{ nothing }}")
    with pytest.raises(TaskError, match=r"the prompt leap\.md\.j2"):
        search(folder, tmp_path / "run", 5)
    assert not (tmp_path / "run").exists()


def test_the_server_is_a_command(tmp_path: Path) -> None:
    """It prints its address first."""
    command = [sys.executable, "-m", "evolve", "testing", "serve-model", "--port", "0", "--rate", "bad=0.3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        address = process.stdout.readline()
        process.terminate()
    assert address.startswith("http://127.0.0.1:")
    wrong = subprocess.run([*command, "--rate", "fast=2"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "no rate" in wrong.stderr


def test_a_baseline_is_shown_nothing_of_the_search(folder: Path, tmp_path: Path) -> None:
    """Nor the search anything of the baseline: what one tried is in no prompt of the other, and it mends nothing of
    the other's."""
    run = tmp_path / "run"
    history = search(folder, run, 40, baseline="best-of-n=0.5", archive="greedy")
    lanes = {trial.number: trial.lane for trial in history.order}
    assert 10 < sum(lane == "baseline" for lane in lanes.values()) < 30
    for trial in history.order[1:]:
        assert {lanes[parent] for parent in trial.parents if parent} <= {trial.lane}
    tried = {lane: {trial.summary for trial in history.order[1:] if trial.lane == lane} for lane in lanes.values()}
    lines = [json.loads(line) for line in (run / ".evolve" / "transcript.jsonl").read_text().splitlines()]
    asked = [(lanes[line["trial"]], json.dumps(line["sent"]["messages"])) for line in lines if "sent" in line]
    assert len(asked) >= 40
    for lane, prompt in asked:
        others = set[str]().union(*(summaries for other, summaries in tried.items() if other != lane))
        assert not [summary for summary in others - tried[lane] if json.dumps(summary)[1:-1] in prompt]
