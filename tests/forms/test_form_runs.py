"""Whole runs of tasks of each form, in containers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from evolve.cli.app import command
from evolve.sandboxes.docker import DockerSandbox
from evolve.testing.sandboxes import available

PROGRAM = """
# EVOLVE-BLOCK-START
def value():
    return 1.5 * 2.0 + 0.25
# EVOLVE-BLOCK-END
"""
OPENEVOLVE = """
import importlib.util
from openevolve.evaluation_result import EvaluationResult
def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("program", program_path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return EvaluationResult({"combined_score": -abs(program.value() - 10.0)}, {"seen": "by the evaluator"})
"""
SHINKA = """
import sys
from shinka.core import run_shinka_eval
def aggregate(results):
    return {"combined_score": -abs(results[0] - 10.0), "private": {"target": "the hidden figure"}}
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
run_shinka_eval(
    given["--program_path"], given["--results_dir"], "value", num_runs=2,
    get_experiment_kwargs=lambda run: {}, aggregate_metrics_fn=aggregate,
)
"""
COMMAND = """
import runpy, sys
print(-abs(runpy.run_path(sys.argv[1])["value"]() - 10.0))
"""
TASKS: dict[str, Mapping[str, str]] = {
    "openevolve": {"initial_program.py": PROGRAM, "evaluator.py": OPENEVOLVE, "config.yaml": "max_iterations: 5\n"},
    "shinka": {"initial.py": PROGRAM, "evaluate.py": SHINKA},
    "native": {
        "seed/program.py": PROGRAM,
        "score.py": COMMAND,
        "task.toml": '[evaluator]\ncommand = ["python3", "score.py"]\n',
    },
}


@pytest.mark.parametrize("form", TASKS)
def test_a_search_of_20_trials_runs_and_goes_on(form: str, tmp_path: Path) -> None:
    """As far as --trials says; every program has a status, the seed a score, and a resumed run has the same form."""
    available(DockerSandbox).close()
    for name, content in TASKS[form].items():
        path = tmp_path / "task" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def evolve(*arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    run = tmp_path / "runs" / "one"
    options = ("--from", form, "--sandbox", "docker", "--trials", "20", "--seed", "1", "--runs", str(run.parent))
    first = json.loads(evolve("run", str(tmp_path / "task"), *options, "--name", "one", "--json", "-q"))
    assert (first["trials"], first["seed"]["score"]) == (20, -6.75)
    assert first["best"]["score"] >= -6.75
    assert "could forge its score" in first["notes"][0]
    scored = ("eval", str(tmp_path / "task"), "--from", form, "--sandbox", "docker")
    assert json.loads(evolve(*scored, "--json"))["notes"] == first["notes"]
    assert "could forge its score" in evolve(*scored)
    again = json.loads(evolve("resume", str(run), "--trials", "25", "--json", "-q"))
    assert again["trials"] == 25
    assert again["best"]["score"] >= first["best"]["score"]
    journal = (run / ".evolve" / "journal.jsonl").read_text()
    history = subprocess.run(["git", "-C", run, "log", "--all", "-p"], capture_output=True, text=True, check=True)
    assert "hidden figure" not in journal + history.stdout
    if form == "shinka":
        assert "hidden figure" in (run / ".evolve" / "artifacts" / "0" / "private" / "metrics.json").read_text()
