"""A run of the task `stop` as a user would make it: how long it takes, and what its leases and pairs cost.

python benchmarks/stop_run.py [SANDBOX [SEED]]

20 steps on two workers, eight calls a nested search. The simulated model answers everything but some edits of the
scaffold: most of its own fail the smoke test, and then there is nothing to confirm. Every third edit is scripted
instead, a lesson for the notes, which changes all prompts and so what a search meets: as good as before, and ahead in
the screen half of the time. Challengers that are no better are what confirmations take longest for. Since steps take
far less time than a confirmation, the run is made in three sessions: at the end of each what is to be confirmed is.

The model is behind HTTP on this machine, in this process, and its processor time is told apart. What containers of a
daemon take is not counted; in bubblewrap it is, but for what was killed together with its parent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from evolve import forms
from evolve.bench.cpu import tree_seconds
from evolve.options import Options
from evolve.search import Search
from evolve.simulated import SimulatedModel
from evolve.simulated_server import serve
from evolve.types import Reply, Request, Trial, Usage

STEPS, WORKERS, EVERY = (7, 14, 20), 2, 3
MARK = "Improve a scaffold: a program that improves other programs"
FIRST = "# Notes"
LESSONS = (
    "A small change of one constant is easier to judge than a new method.",
    "Say what was wrong with the last attempt before the next one.",
    "Prefer the simplest rule that explains the weakest instances.",
    "Look at the instances with the lowest scores first.",
    "Keep what works, and change one thing at a time.",
    "When three attempts on a line failed, leave that line alone.",
    "Copy the lines to be replaced exactly, with their indentation.",
)


class Scripted(SimulatedModel):
    """Simulated, but for every third edit of a scaffold."""

    def __init__(self, seed: int) -> None:
        super().__init__("scripted", seed=seed)
        self._edits, self._counting = 0, threading.Lock()
        self.calls = 0

    def complete(self, request: Request) -> Reply:
        """A lesson for the notes, or what the simulated one says."""
        asked = "\n".join(text for _, text in request.messages)
        with self._counting:
            self.calls += 1
        if MARK not in asked or len(request.messages) > 2:
            return super().complete(request)
        with self._counting:
            number, self._edits = self._edits, self._edits + 1
        if number % EVERY:
            return super().complete(request)
        lesson = LESSONS[number // EVERY % len(LESSONS)]
        text = (
            f"Change: a lesson\n\nnotes.md\n<<<<<<< SEARCH\n{FIRST}\n=======\n{FIRST}\n\n- {lesson}\n>>>>>>> REPLACE\n"
        )
        usage = Usage(calls=1, input_tokens=len(asked) // 4, output_tokens=len(text) // 4)
        return Reply(text=text, finish="stop", model=self.name, usage=usage)


def run(sandbox: str, seed: int, folder: Path) -> None:
    """One search, with what it says of itself."""
    model = Scripted(seed)
    server = serve(model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    os.environ.setdefault("OPENAI_API_KEY", "not-a-key")
    options = Options(
        sandbox=sandbox,
        workers=WORKERS,
        seed=seed,
        models=["scripted"],
        prices=["0/0"],
        base_url=f"http://127.0.0.1:{server.server_port}/v1",
    )
    begun = time.perf_counter()
    trials: list[Trial] = []
    cpu = lost = (
        0.0  # what zygotes took that are killed together with their parents, at the end of each session, is lost
    )

    def say(what: str) -> None:
        nonlocal cpu
        cpu = max(cpu, lost + tree_seconds(os.getpid()))
        seconds, load = time.perf_counter() - begun, os.getloadavg()[0]
        print(f"{seconds:7.1f} s  cpu {cpu:6.1f} s  load {load:4.1f}  {what}", flush=True)

    def told(trial: Trial) -> None:
        trials.append(trial)
        say(f"trial {trial.number}: {trial.evaluation.status} {trial.evaluation.score or 0:.4f}")

    path = folder / "run"
    try:
        for steps in STEPS:
            heard: dict[str, Any] = {"limits": {"trials": steps}, "on_trial": told, "on_notice": say}
            if path.exists():
                search = Search.resume(path, **heard)
            else:
                search = Search.start(forms.load("stop"), path, options=options, **heard)
            with search:
                search.run()
                say(f"{steps} steps, and held-out scores")
            lost = cpu - tree_seconds(os.getpid())
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    seconds = time.perf_counter() - begun
    events = [json.loads(line) for line in (path / ".evolve" / "journal.jsonl").read_text().splitlines()]
    pairs = Counter(event["confirmation"] for event in events if event["event"] == "gate" and event["what"] == "pair")
    asked = [trial.usage.calls for trial in trials]
    scored = [int(str(trial.evaluation.metrics.get("calls", 0))) for trial in trials]
    log = ["git", "-C", str(path), "log", "--first-parent", "--format=%s", "adopted"]
    said = subprocess.run(log, check=True, capture_output=True, text=True).stdout.strip()
    print(
        f"\n{seconds:.0f} s by the clock; {cpu:.0f} s of processor time, {model.cpu_seconds:.0f} s of them the model's"
    )
    print(f"{len(trials) - 1} steps; statuses: {dict(Counter(str(trial.evaluation.status) for trial in trials))}")
    print(f"{len(pairs)} confirmations; rounds of one pair in each family: {dict(pairs)}")
    print(f"calls: {model.calls} in all; {sum(asked)} of steps, {sum(scored)} of the trials' evaluations,")
    print(f"  {model.calls - sum(asked) - sum(scored)} of pairs and held-out scores")
    print(f"decisions:\n{said}")


def main(sandbox: str = "auto", seed: str = "0") -> None:
    """In a folder that goes."""
    with tempfile.TemporaryDirectory(prefix="stop-") as folder:
        run(sandbox, int(seed), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
