"""The runner of peers: what a searcher that is not ours asks for is counted where it is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.peers.__main__ import run
from benchmarks.peers.services import Ledger, ScoreServer, serving
from benchmarks.peers.tools import PEERS, Peer
from evolve.bench.rows import read, write
from evolve.task import Task
from evolve.testing.fakes import FunctionEvaluator
from evolve.types import Evaluation, Program, Status

PEER = """\
import json, os, sys, urllib.request

def post(url, content):
    request = urllib.request.Request(url, data=content, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

def score(text):
    return post(os.environ["PEERS_SCORER"], text.encode())["combined_score"]

best = open("seed.py").read()
known = score(best)
while True:
    prompt = "# Current program\\n```python\\n" + best + "```\\nWrite it anew."
    document = {"model": "simulated", "messages": [{"role": "user", "content": prompt}]}
    answer = post(sys.argv[1] + "/chat/completions", json.dumps(document).encode())
    parts = (answer["choices"][0]["message"]["content"] or "").split("```")
    if len(parts) == 3:
        text = parts[1].partition("\\n")[2]
        new = score(text)
        if new is not None and new > known:
            best, known = text, new
    if len(sys.argv) > 2:
        sys.exit("enough")
"""


def length(program: Program) -> float | Evaluation:
    """How long the program is, if it is one."""
    text = program.text("program.py")
    if "no_such_name" in text or "0 / 0" in text:
        return Evaluation(status=Status.FAILED, score=None, fitness=None, feedback="it raised")
    return float(len(text))


def peer(*more: str) -> Peer:
    """One that climbs by itself, in this interpreter."""

    def start(folder: Path, task: Task, _: int, __: int, model: str) -> Sequence[str]:
        (folder / "climb.py").write_text(PEER)
        (folder / "seed.py").write_bytes(task.seed.files["program.py"])
        return ["python", "climb.py", model, *more]

    return Peer("climber", "climber", "1.0", start)


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    """An environment that is there already."""
    place = tmp_path / "environments" / "climber-1.0"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(sys.executable)
    (place / "versions.txt").write_text("")
    return place.parent


def test_a_run_is_counted_where_it_is_served(environments: Path, tmp_path: Path) -> None:
    """It ends with the last answer; totals never fall, and the best is the best of the scores so far."""
    task = Task.load("circle_packing")
    rows = run(peer(), task, FunctionEvaluator(length), seed=3, calls=40, environments=environments, quiet=5.0)
    write(tmp_path / "run.parquet", rows)  # which refuses what is no raw data
    assert set(rows["outcome"]) == {"finished"}
    assert set(rows["searcher"]) == {"climber 1.0"}
    first, last = rows.iloc[0], rows.iloc[-1]
    seed = len(task.seed.files["program.py"])
    assert (first["calls"], first["evaluations"], first["score"], first["best"]) == (0, 1, seed, seed)
    assert last["calls"] == 40
    assert last["evaluations"] == len(rows) - 1
    assert last["best"] == rows["score"].max() > seed
    assert rows["score"].isna().sum() > 1
    assert last["tokens"] > 40 * seed / 4
    assert last["cpu_seconds"] > 0


def test_a_run_with_the_same_seed_is_the_same(environments: Path) -> None:
    """For a searcher that does the same."""
    task = Task.load("circle_packing")
    once, again, other = (
        run(peer(), task, FunctionEvaluator(length), seed=seed, calls=10, environments=environments, quiet=4.0)
        for seed in (1, 1, 2)
    )
    same = ["calls", "tokens", "evaluations", "score", "best"]
    pd.testing.assert_frame_equal(once[same], again[same])
    assert not once[same].equals(other[same])


def test_a_peer_that_ends_early_has_failed(environments: Path, tmp_path: Path) -> None:
    """What it said is in the raw data."""
    task = Task.load("circle_packing")
    rows = run(peer("stop"), task, FunctionEvaluator(length), seed=1, calls=40, environments=environments)
    write(tmp_path / "run.parquet", rows)
    assert set(read([tmp_path])["outcome"]) == {"failed"}
    assert "it ended with 1 after 1 of 40 calls" in rows["message"][0]
    assert "enough" in rows["message"][0]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_evaluators_of_peers_ask_ours(direction: str, tmp_path: Path) -> None:
    """They are told what is higher for what is better, and that a program without a score has failed."""
    task = Task.load({"maximize": "circle_packing", "minimize": "min_max_distance"}[direction])
    longer = task.seed.files["program.py"] + b"# longer\n"
    spoilt = task.seed.files["program.py"] + b"no_such_name\n"
    told: list[list[float | None]] = []
    server = ScoreServer(task, FunctionEvaluator(length), Ledger(os.getpid()))
    with serving(server):
        for name in PEERS:
            programs = (task.seed.files["program.py"], longer, spoilt)
            told.append([_told(name, server.server_port, content, task, tmp_path) for content in programs])
    seed = len(task.seed.files["program.py"])
    good = [seed, seed + 9] if direction == "maximize" else [1.0, seed / (seed + 9)]
    assert told == [[*good, 0.0], [*good, None]]


def test_scores_below_zero_are_told_above_it() -> None:
    """In the same order, since what has failed is told as 0."""
    task = Task.load("bin_packing")
    server = ScoreServer(task, FunctionEvaluator(lambda _: -0.5), Ledger(os.getpid()))
    server.server_close()
    told = [server.told(score) or 0.0 for score in (-1e9, -2.0, -0.5, 0.0, 0.5, 3.0)]
    assert told == sorted(told)
    assert told[0] > 0
    assert len(set(told)) == 6


def _told(name: str, port: int, content: bytes, task: Task, place: Path) -> float | None:
    """What the evaluator of a peer, started as the peer would, says of a program."""
    folder = place / name
    folder.mkdir(exist_ok=True)
    command = PEERS[name].start(folder, task, 5, 1, "http://127.0.0.1:9/v1")
    assert command[0] in {"openevolve-run", "shinka_run"}
    (folder / "candidate.py").write_bytes(content)
    script = {
        "openevolve": ["-c", "import json, evaluator; print(json.dumps(evaluator.evaluate('candidate.py')))"],
        "shinka": ["evaluate.py", "--program_path", "candidate.py", "--results_dir", "results"],
    }[name]
    variables = {**os.environ, "PEERS_SCORER": f"http://127.0.0.1:{port}/"}
    end = subprocess.run(
        [sys.executable, *script], cwd=folder, env=variables, check=True, capture_output=True, text=True
    )
    if name == "openevolve":
        metrics = json.loads(end.stdout)
    else:
        metrics = json.loads((folder / "results" / "metrics.json").read_text())
        if not json.loads((folder / "results" / "correct.json").read_text())["correct"]:
            return None
    score = metrics["combined_score"]
    assert isinstance(score, float)
    return score
