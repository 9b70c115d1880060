"""Benches that really search, with tiny budgets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from evolve.bench.cpu import tree_seconds
from evolve.bench.frozen import simulated_identity, without_code
from evolve.bench.plan import Order, Plan
from evolve.bench.policies import parse_policy
from evolve.bench.rows import read
from evolve.bench.runner import Runner
from evolve.cli.app import command
from evolve.errors import RunDamaged, RunExists, RunLocked, TaskError
from evolve.simulated import VERSION, Rates

ASKS = "asks: models=simulated sandbox=process allow_unsafe=true calls=6"
FREE = "free: models=[] proposer=mutation sandbox=process evaluations=4"


@pytest.fixture(scope="session")
def sine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A task folder."""
    folder = tmp_path_factory.mktemp("tasks") / "sine"
    assert invoke("init", str(folder)).exit_code == 0
    return str(folder)


def invoke(*arguments: str) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def plan(task: str, *policies: str, seeds: Sequence[int] = (0,), **settings: Any) -> Plan:
    """Of these policies."""
    made = [parse_policy(text) for text in policies]
    return Plan(policies=made, tasks=[task], seeds=seeds, **{"limits": {}, "options": {}, **settings})


def make(folder: Path, plan: Plan, jobs: int = 2, *, keep: bool = False) -> list[Order]:
    """The orders of which runs were made."""
    heard: list[Order] = []
    runner = Runner(folder, jobs, keep, on_run=lambda order, _: heard.append(order))
    runner.make(runner.missing(plan.freeze(folder)))
    return heard


def without_times(rows: pd.DataFrame) -> pd.DataFrame:
    """What has to be the same in the same run."""
    return rows.drop(columns=["cpu_seconds", "seconds", "engine_cpu_seconds"])


def test_runs_are_written_down(sine: str, tmp_path: Path) -> None:
    """With and without a model: a row for each trial, totals of what was used, the best so far, within the limits."""
    made = make(tmp_path, plan(sine, ASKS, FREE))
    assert sorted(order.title for order in made) == ["asks on sine, seed 0", "free on sine, seed 0"]
    rows = read([tmp_path])
    asks, free = (rows[rows["policy"] == name] for name in ("asks", "free"))
    assert (asks["calls"].iloc[0], asks["evaluations"].iloc[0], asks["budget"].iloc[0]) == (0, 1, 6)
    assert 4 <= asks["calls"].iloc[-1] <= 6
    assert asks["tokens"].iloc[-1] > 100
    assert asks["best"].tolist() == asks["score"].cummax().ffill().tolist()
    assert (free["calls"].max(), free["evaluations"].max(), free["model"].unique().tolist()) == (0, 4, [""])
    assert free["budget"].isna().all()
    assert asks["model"].unique().tolist() == [simulated_identity()]
    assert (asks["cpu_seconds"] >= asks["engine_cpu_seconds"]).all()
    assert asks["cpu_seconds"].iloc[0] > 0.05
    assert [path.name for path in (tmp_path / "runs").rglob("*") if path.is_file()] == []


def test_a_seed_is_a_run(sine: str, tmp_path: Path) -> None:
    """The same seed gives the same rows, wherever and beside whatever it runs; another one gives others."""
    make(tmp_path / "one", plan(sine, ASKS, seeds=[0, 1]), jobs=2)
    make(tmp_path / "two", plan(sine, ASKS, seeds=[1]), jobs=1)
    one, two = read([tmp_path / "one"]), read([tmp_path / "two"])
    again = without_times(one[one["seed"] == 1].reset_index(drop=True))
    pd.testing.assert_frame_equal(again, without_times(two))
    other = without_times(one[one["seed"] == 0].reset_index(drop=True))
    assert not other.drop(columns="seed").equals(again.drop(columns="seed"))


def test_what_is_there_is_not_made_again(sine: str, tmp_path: Path) -> None:
    """More seeds and more policies may come; half a run is made anew, and finished ones stay as they are."""
    make(tmp_path, plan(sine, FREE))
    half = tmp_path / "runs" / "sine" / "free" / "1"
    half.mkdir(parents=True)
    (half / "left").write_text("by a bench that was killed")
    before = (tmp_path / "data" / "sine" / "free" / "0.parquet").stat().st_mtime_ns
    more = plan(sine, FREE, FREE.replace("free", "other"), seeds=[0, 1])
    assert len(make(tmp_path, more, keep=True)) == 3
    assert (tmp_path / "data" / "sine" / "free" / "0.parquet").stat().st_mtime_ns == before
    assert make(tmp_path, more) == []
    assert (half / ".git").is_dir()
    assert not (half / "left").exists()
    assert set(json.loads((tmp_path / "bench.json").read_text())["policies"]) == {"free", "other"}


def test_what_is_compared_is_frozen(sine: str, tmp_path: Path) -> None:
    """A policy that is another one now, and a bench of other code, are refused before anything runs."""
    make(tmp_path, plan(sine, FREE))
    with pytest.raises(RunExists, match="holds runs with 'free', one of its policies, as it was"):
        make(tmp_path, plan(sine, FREE.replace("evaluations=4", "evaluations=5")))
    file = tmp_path / "bench.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, "searcher": "evolve 0 old"}))
    with pytest.raises(RunExists, match="was begun by evolve 0 old"):
        make(tmp_path, plan(sine, FREE))
    file.write_text("{}")
    with pytest.raises(RunDamaged, match=r"bench\.json is not what"):
        make(tmp_path, plan(sine, FREE))


def test_a_run_that_fails_is_written_down_and_made_again(tmp_path: Path, sine: str) -> None:
    """It ends no other; rows and reason are kept, and the next session tries it once more, mended or not."""
    broken = "broken: models=[] proposer=mutation sandbox=process evaluations=4 archive=none.such:Archive"
    assert len(make(tmp_path, plan(sine, broken, FREE))) == 2
    rows = read([tmp_path])
    (failed,) = rows[rows["policy"] == "broken"].to_dict("records")
    assert failed["outcome"] == "failed"
    assert "none.such" in failed["message"]
    assert [order.policy for order in make(tmp_path, plan(sine, broken, FREE))] == ["broken"]
    mended = broken.replace("none.such:Archive", "top")
    assert [order.policy for order in make(tmp_path, plan(sine, mended, FREE))] == ["broken"]
    assert (read([tmp_path])["outcome"] == "finished").all()


def test_a_process_that_dies_is_a_run_that_failed(tmp_path: Path, sine: str) -> None:
    """One that is gone without a word is written down all the same, with what it said before."""
    script = tmp_path / "dies.py"
    script.write_text("import os, sys\nprint('last words', file=sys.stderr, flush=True)\nos._exit(7)\n")
    dies = "dies: models=[] proposer=dies:Anything sandbox=process allow_unsafe=true evaluations=4"
    bench = tmp_path / "bench"
    arguments = ["bench", "run", "-o", str(bench), "--policy", dies, "--policy", FREE, "--tasks", sine, "--seeds", "1"]
    end = subprocess.run(
        [sys.executable, "-m", "evolve", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert end.returncode == 6, end.stderr
    rows = read([bench])
    (failed,) = rows[rows["policy"] == "dies"].to_dict("records")
    assert "ended with 7" in failed["message"]
    assert "last words" in failed["message"]
    assert (rows["policy"] == "free").any()


def test_a_bench_that_is_killed_goes_on(tmp_path: Path, sine: str) -> None:
    """What had ended is kept, nothing half is there, its processes end with it, and the same command finishes it."""
    long = "long: models=[] proposer=mutation sandbox=process evaluations=100000"
    words = ["bench", "run", "-o", str(tmp_path), "--policy", FREE, "--policy", long, "--tasks", sine, "--seeds", "1"]
    process = subprocess.Popen([sys.executable, "-m", "evolve", *words, "-j", "2"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "free on sine, seed 1" in process.stderr.readline()
    journal = tmp_path / "runs" / "sine" / "long" / "1" / ".evolve" / "journal.jsonl"
    _until(journal.exists)
    with pytest.raises(RunLocked, match="another process is working"):
        Runner(tmp_path).make([])
    workers = _workers(tmp_path)
    assert len(workers) == 1
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    _until(lambda: not _workers(tmp_path))
    assert read([tmp_path])["policy"].unique().tolist() == ["free"]
    again = plan(sine, FREE, long, seeds=[1])
    assert [order.policy for order in Runner(tmp_path).missing(again.freeze(tmp_path))] == ["long"]


def test_a_plan_that_cannot_be_run_is_refused(tmp_path: Path, sine: str) -> None:
    """No limit that ends it, names that mean two things, nothing to compare."""
    for wrong, said in (
        (plan(sine, "free: models=[] proposer=mix", limits={"calls": 9}), "asks no models, so calls do not end it"),
        (plan(sine, "asks: models=simulated"), "has no limit: give --calls"),
        (plan(sine, FREE, FREE), "policies has 'free' twice"),
        (plan(sine), "there are no policies"),
        (plan("no such task", FREE), "there is no task 'no such task'"),
        (plan(sine, FREE, seeds=[]), "there are no seeds"),
    ):
        with pytest.raises(TaskError, match=said):
            wrong.freeze(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_makes_and_tells(tmp_path: Path, sine: str) -> None:
    """Runs with the options of all, a report of them, its table in a file, all raw data in one."""
    policies = tmp_path / "policies.toml"
    policies.write_text(f'[policy."{FREE.partition(":")[0]}"]\nmodels = []\nproposer = "mutation"\nevaluations = 4\n')
    bench = str(tmp_path / "bench")
    arguments = ["--policies", str(policies), "--policy", "asks", "--tasks", sine, "--seeds", "4-5", "--allow-unsafe"]
    result = invoke("bench", "run", "-o", bench, *arguments, "--calls", "5", "--sandbox", "process")
    assert result.exit_code == 0, result.output
    assert "[4/4]" in result.output
    assert (
        "4 of 4 runs made before"
        in invoke("bench", "run", "-o", bench, *arguments, "--calls", "5", "--sandbox", "process").output
    )
    told = invoke("bench", "report", bench, "--baseline", "free", "--data", str(tmp_path / "all.parquet"))
    assert told.exit_code == 0, told.output
    assert "| sine | asks | 2 |" in told.output
    table = tmp_path / "table.md"
    again = invoke("bench", "report", str(tmp_path / "all.parquet"), "--policies", "free,asks", "--table", str(table))
    assert again.exit_code == 0, again.output
    assert [line.split(" | ")[1] for line in table.read_text().splitlines() if line.startswith("| sine")][:2] == [
        "free",
        "asks",
    ]


def test_code_that_changes_under_a_bench_is_a_failure(tmp_path: Path, sine: str) -> None:
    """No run is made by other code than the one that is written down with it."""
    orders = [replace(order, searcher="evolve 0 old") for order in plan(sine, FREE).freeze(tmp_path)]
    Runner(tmp_path).make(orders)
    (row,) = read([tmp_path]).to_dict("records")
    assert "the code has changed under the bench: it was evolve 0 old" in row["message"]


@pytest.mark.parametrize("seeds", ["0", "5-4", "-3", "a", "1-b"])
def test_seeds_are_a_number_or_a_range(seeds: str, tmp_path: Path) -> None:
    """Anything else is wrong usage."""
    result = invoke("bench", "run", "-o", str(tmp_path), "--tasks", "sine", f"--seeds={seeds}")
    assert result.exit_code == 2
    assert "is neither a number of seeds" in result.output


def test_processor_time_is_of_a_process_and_all_below() -> None:
    """What a child uses counts while it runs and after it was waited for; nobody's is none."""
    # more than is asked for: user's and system's time are told apart, each rounded down to a hundredth of a second
    spin = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass\ninput()"
    before = tree_seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE) as process:
        _until(lambda: tree_seconds(process.pid) >= 0.3)
        during = tree_seconds(os.getpid())
        assert during - before > 0.25  # as the first figure is rounded down, so may the second be
        process.communicate(b"\n")
    assert tree_seconds(os.getpid()) >= during
    assert tree_seconds(process.pid) == 0.0


def test_the_identity_of_the_model_is_that_of_its_rules() -> None:
    """The same for the same rates, another for others, and with a hash of its code."""
    assert simulated_identity() == simulated_identity(Rates())
    assert simulated_identity() != simulated_identity(Rates(bad=0.2))
    assert re.fullmatch(rf"simulated version {VERSION} \(code [0-9a-f]{{12}}\) good=.*", simulated_identity())
    assert (
        without_code(simulated_identity())
        == simulated_identity()[: simulated_identity().index(" (")]
        + (simulated_identity()[simulated_identity().index(")") + 1 :])
    )


def _workers(folder: Path) -> list[str]:
    """The processes that make runs of this bench."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "evolve.bench.worker" in words and str(folder) in words:
            found.append(process.name)
    return found


def _until(true: Any, seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
