"""A Docker engine that is killed and started again in the middle of a run costs time, and no candidate its score."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from evolve.api import load
from evolve.sandboxes.docker import DockerSandbox
from evolve.testing.engines import private_engine
from evolve.testing.sandboxes import available

TRIALS = 40

# whatever the program is, it is well: every other status would be the engine's fault
EVALUATE = """
def evaluate(program):
    program.run(["sleep", "0.2"])
    return float(len(program.read("program.py")))
"""


def told(run: Path) -> int:
    """How many trials the journal holds."""
    try:
        lines = (run / ".evolve" / "journal.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(json.loads(line)["event"] == "told" for line in lines[:-1])


def test_a_run_outlives_its_engine(tmp_path: Path) -> None:
    """It waits until the engine is there again and goes on to its end; nothing is scored for the fault."""
    available(DockerSandbox).close()
    task = tmp_path / "task"
    (task / "seed").mkdir(parents=True)
    (task / "task.toml").write_text("")
    (task / "evaluate.py").write_text(EVALUATE)
    (task / "seed" / "program.py").write_text("def f(x):\n    return 3 * x + 7 if x > 2 else 1.5 - x\n")
    run = tmp_path / "runs" / "one"
    with private_engine() as engine:
        command = [sys.executable, "-m", "evolve", "run", str(task), "--sandbox", "docker", "--workers", "2"]
        with subprocess.Popen(
            [*command, "--trials", str(TRIALS), "--runs", str(run.parent), "--name", run.name],
            env={**os.environ, "DOCKER_HOST": engine.host, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as search:
            try:
                deadline = time.monotonic() + 300
                while told(run) < 5 and search.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.05)
                before = told(run)
                engine.kill()
                time.sleep(1)
                engine.start()
                output, _ = search.communicate(timeout=600)
            finally:
                search.kill()
    assert 5 <= before < TRIALS - 4, output
    assert search.returncode == 0, output
    history = load(run)
    statuses = Counter(str(trial.evaluation.status) for trial in history.order)
    assert set(statuses) <= {"ok", "duplicate", "rejected"}, statuses
    assert len(history) == TRIALS + 1
    assert not any("fault" in str(event.get("reason", "")) for event in map(json.loads, journal(run)))


def journal(run: Path) -> list[str]:
    """The lines of the journal."""
    return (run / ".evolve" / "journal.jsonl").read_text().splitlines()
