"""Whole runs whose programs ask through a gateway: killed, resumed and replayed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve.replaying import replay
from evolve.testing.servers import Asked, FakeService, Served, number_answer

ASKER = "evolve.testing.asking:RelayAsker"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A task whose program is a number."""
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "task.toml").write_text("[evaluator]\ncache = false\n")
    (path / "evaluate.py").write_text("def evaluate(program):\n    return -abs(program.call('value') - 3.0)\n")
    (path / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    return path


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / ".evolve" / "transcript.jsonl").read_text().splitlines()]


def test_a_killed_engine_repeats_no_paid_call_and_loses_none(folder: Path, tmp_path: Path) -> None:
    """While leases are open, with several calls of each under way. The run can be replayed, leases included."""

    kills = 8

    def answer(asked: Asked) -> Served:
        while asked.number >= kills:  # these are in flight when it is killed
            time.sleep(0.005)
        return number_answer(asked)

    run = tmp_path / "run"
    with FakeService(answer) as service:
        arguments = [
            *(sys.executable, "-m", "evolve", "run", str(folder), "--runs", str(run.parent), "--name", run.name),
            *("--sandbox", "process", "--allow-unsafe", "--model", "fake", "--price", "1/10", "--proposer", ASKER),
            *("--base-url", service.url, "--trials", "12", "--calls-in-flight", "3", "--tuning", "off", "--quiet"),
        ]
        killed = 0
        for kills in (8, 20, 33):
            process = subprocess.Popen(
                arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
            )
            while len(service.asked) <= kills and process.poll() is None:
                time.sleep(0.005)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
            process.wait()
            arguments = [sys.executable, "-m", "evolve", "resume", str(run), "--quiet", "--json"]
        kills = 10**9
        end = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert end.returncode == 0, end.stderr
    assert killed
    written = lines(run)
    answered = [(line["trial"], line["call"]) for line in written if "reply" in line]
    questions = Counter(line["hash"] for line in written if "sent" in line)
    paid = {(line["trial"], line["call"]): line["hash"] for line in written if "sent" in line}
    assert len(answered) == len(set(answered)) == len({paid[key] for key in answered})  # no question answered twice
    lost = sum(questions.values()) - len(answered)
    assert 0 < lost <= 3 * 3 * 3  # those in flight at the kills: trials times questions
    # the budget has every answer at what it took, and every lost one at its worst
    most = {(line["trial"], line["call"]): line["most"]["nanodollars"] for line in written if "sent" in line}
    took = {(line["trial"], line["call"]): line["reply"]["usage"]["nanodollars"] for line in written if "reply" in line}
    assert json.loads(end.stdout)["nanodollars"] == sum({**most, **took}.values())
    history = evolve.load(run)
    assert history.trials["calls"].sum() == len(answered)
    # no lease was passed, and each was used up by what comes after the first three
    numbers = [int(re.findall(r"after (\d+) answers", str(each))[0]) for each in history.trials["summary"][1:]]
    assert all(3 <= number < 10 for number in numbers)
    differences: list[str] = []
    assert replay(run, witness=differences.append).told == 13
    assert differences == []
