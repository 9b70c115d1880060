"""Runs peers on our tasks, our evaluators and the simulated model, and writes how each run went as raw data.

    python -m benchmarks.peers --peer openevolve --task circle_packing --calls 1000 --seeds 1-20 --out runs/peers

A run that is there already is not made again, so what was interrupted is continued by the same command. Each peer lives
in a virtual environment of its own, made on first use. One run at a time, since its processor time is counted.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.peers.services import CountedModel, Ledger, Moment, ScoreServer, serving
from benchmarks.peers.tools import PEERS, Peer, surroundings
from evolve.bench.frozen import simulated_identity
from evolve.bench.rows import read, write
from evolve.scoring import make_sandbox, make_scorer
from evolve.simulated_server import serve
from evolve.task import Task
from evolve.types import Evaluator

TASKS = (
    "circle_packing",
    "heilbronn_triangle",
    "min_max_distance",
    "second_autocorrelation",
    "bin_packing",
    "transaction_scheduling",
)
QUIET = 8.0  # seconds without an evaluation, after the last answer, until a run counts as ended
PATIENCE = 20.0  # seconds for each call, on average, before a run counts as stuck


def main() -> int:
    """Every peer on every task with every seed, those that are missing."""
    given = _options()
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has started it in the background
        signal.signal(number, _stop)
    failed = 0
    for task_name in given.task or TASKS:
        task = Task.load(task_name)
        with closing(make_sandbox(task, given.sandbox)) as sandbox, closing(make_scorer(task, sandbox)) as scorer:
            for seed in given.seeds:
                for name in given.peer or PEERS:
                    path = given.out / name / f"{task_name}-{seed}.parquet"
                    if path.exists() and not _failed(path):
                        continue
                    rows = run(PEERS[name], task, scorer, seed=seed, calls=given.calls, environments=given.environments)
                    write(path, rows)
                    last = rows.iloc[-1]
                    failed += last.outcome == "failed"
                    print(
                        f"{name} {task_name} {seed}: {last.best:.6g} after {last.calls} calls, {last.evaluations} "
                        f"evaluations, {last.cpu_seconds:.0f} s of processor, {last.seconds:.0f} s; {last.outcome} "
                        f"{last.message}",
                        flush=True,
                    )
    if given.gather:
        write(given.gather, read([given.out]))
    return 1 if failed else 0


def run(
    peer: Peer, task: Task, scorer: Evaluator, *, seed: int, calls: int, environments: Path, quiet: float = QUIET
) -> pd.DataFrame:
    """One run, in a folder that is gone afterwards."""
    environment = peer.environment(environments)
    with tempfile.TemporaryDirectory(prefix="peers-") as place:
        home, folder = Path(place, "home"), Path(place, "task")
        home.mkdir()
        folder.mkdir()
        ledger = Ledger(os.getpid())
        model = CountedModel(ledger, limit=calls, seed=seed)
        score_server, model_server = ScoreServer(task, scorer, ledger), serve(model)
        with serving(score_server), serving(model_server):
            address = f"http://127.0.0.1:{model_server.server_port}/v1"
            command = peer.start(folder, task, calls, seed, address)
            variables = surroundings(environment, home, f"http://127.0.0.1:{score_server.server_port}/")
            log = Path(place, "log")
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [environment / "bin" / command[0], *command[1:]],
                    cwd=folder,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                try:
                    message = _wait(process, ledger, calls, quiet)
                    end = ledger.now()
                finally:
                    model.stop()
                    _end(process)
            if message:
                message = f"{message}: {log.read_bytes()[-2000:].decode(errors='replace')}"
    rows = _rows([*ledger.moments, end], task.settings.task.direction)
    known: dict[str, str | int] = {
        "policy": peer.name,
        "task": task.settings.task.name,
        "seed": seed,
        "searcher": f"{peer.package} {peer.version}",
        "model": simulated_identity(),
        "direction": task.settings.task.direction,
        "budget": calls,
        "outcome": "failed" if message else "finished",
        "message": message,
    }
    for name, value in known.items():
        rows[name] = value
    return rows


def _rows(moments: Sequence[Moment], direction: str) -> pd.DataFrame:
    """A row for each evaluation, with what had been used when it began, and one for the end."""
    rows = pd.DataFrame([asdict(moment) for moment in moments])
    rows["evaluations"] = [*range(1, len(moments)), len(moments) - 1]
    known = rows["score"].ffill()  # a program without a score is no better than the one before
    rows["best"] = known.cummin() if direction == "minimize" else known.cummax()
    return rows


def _wait(process: subprocess.Popen[bytes], ledger: Ledger, calls: int, quiet: float) -> str:
    """Until the last answer has been used, or the peer has ended. What went wrong, or ""."""
    latest = time.monotonic() + calls * PATIENCE + 600.0
    while process.poll() is None:
        if ledger.calls >= calls and not ledger.running and time.monotonic() - ledger.last > quiet:
            return ""
        if time.monotonic() > latest:
            return f"it was stuck after {ledger.calls} of {calls} calls"
        time.sleep(0.1)
    return "" if ledger.calls >= calls else f"it ended with {process.returncode} after {ledger.calls} of {calls} calls"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the peer and what it has started: all that is in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(0.5)
    process.wait()


def _stop(*_: object) -> None:
    """End the peer, its folder and the servers with the runner."""
    raise SystemExit("stopped; the same command goes on")


def _failed(path: Path) -> bool:
    return bool((read([path])["outcome"] == "failed").any())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="All of them without it.")
    parser.add_argument("--task", action="append", help=f"Without it: {', '.join(TASKS)}.")
    parser.add_argument("--calls", type=int, default=300, help="Answers of the model for each run.")
    parser.add_argument("--seeds", type=_seeds, default=_seeds("1-5"), help="Such as 1-20 or 3.")
    parser.add_argument("--sandbox", default="auto", help="Where programs are scored.")
    parser.add_argument("--out", type=Path, required=True, help="The folder for the raw data.")
    parser.add_argument("--gather", type=Path, help="A file for all runs that are in --out, afterwards.")
    parser.add_argument("--environments", type=Path, default=Path.home() / ".cache" / "evolve" / "peers")
    return parser.parse_args()


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    raise SystemExit(main())
