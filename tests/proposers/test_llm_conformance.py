"""A proposer that asks models keeps the contract of proposers, and its runs survive being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from evolve.history import History
from evolve.models.transcript import request_hash
from evolve.proposers.llm import LLM, OPERATORS, count_answers
from evolve.regions import Regions
from evolve.simulated import Rates, SimulatedModel
from evolve.testing.llm_searches import log, open_search
from evolve.testing.proposers import ProposerSuite
from evolve.types import Context, Model, Plan, Proposer, Reply, Request, Selection, Trial


class Answered:
    """A proposer whose models are asked directly, since the suite's contexts know of no meter; as in a transcript, a
    question has one answer."""

    def __init__(self, proposer: LLM) -> None:
        self._proposer = proposer
        self._replies: dict[tuple[str, str], Reply] = {}
        self._turn = threading.Lock()

    def plan(self, selection: Selection, context: Context) -> Plan:
        return self._proposer.plan(selection, Context(context.number, context.rng, context.attempt, self._ask))

    def _ask(self, model: Model, request: Request) -> Reply:
        key = model.name, request_hash(model.name, request)
        with self._turn:
            if key not in self._replies:
                self._replies[key] = model.complete(request)
            return self._replies[key]

    def tell(self, trial: Trial) -> None:
        self._proposer.tell(trial)


class TestLLM(ProposerSuite):
    """With simulated models, one good and one bad."""

    def make(self, regions: Regions) -> Proposer:
        """Two models."""
        good = SimulatedModel("good", rates=Rates(good=0.8, bad=0.2))
        bad = SimulatedModel("bad", rates=Rates(good=0.5, bad=0.2, malformed=0.2, refused=0.1))
        return Answered(LLM(regions, [(good, 3.0), (bad, 1.0)]))


class TestBandit(ProposerSuite):
    """The same, drawn by what they pay."""

    def make(self, regions: Regions) -> Proposer:
        """Two models."""
        models = [(SimulatedModel(name), 1.0) for name in ("one", "two")]
        return Answered(LLM(regions, models, ensemble="bandit"))


def transcript(run: Path) -> Mapping[tuple[int, int], list[str]]:
    asked: dict[tuple[int, int], list[str]] = {}
    for line in (run / ".evolve" / "transcript.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if "sent" in entry:
            asked.setdefault((entry["trial"], entry["call"]), []).append(entry["hash"])
    return asked


def test_a_run_that_was_killed_and_resumed_is_the_same_run(tmp_path: Path) -> None:
    """Killed several times: the same prompts, the same commits, and no answer asked for twice."""
    with open_search(tmp_path / "whole", trials=60) as evolution:
        assert evolution.run().reason == "trials"
    command = [sys.executable, "-m", "evolve.testing.llm_searches", str(tmp_path / "killed"), "60"]
    for kills in range(3):
        process = subprocess.Popen(command, env={**os.environ, "EVOLVE_PAUSE": "0.02"})
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None and _told(tmp_path / "killed") < 12 * (kills + 1):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with open_search(tmp_path / "killed", trials=60) as evolution:
        assert evolution.run().reason == "trials"
    whole, killed = transcript(tmp_path / "whole"), transcript(tmp_path / "killed")
    assert log(tmp_path / "killed") == log(tmp_path / "whole")
    # a call that was killed before its answer was there has the next index
    assert {h for hashes in killed.values() for h in hashes} == {h for hashes in whole.values() for h in hashes}
    assert all(len(hashes) == 1 for hashes in killed.values())


def test_a_run_with_many_calls_in_flight_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was in flight when the budget ended is planned again with the same prompts: a prompt that differs from the
    one in the transcript would be an error."""
    for trials in (10, 25, 40):
        with open_search(tmp_path / "run", trials=trials, workers=2, in_flight=8) as evolution:
            evolution.run()
            assert evolution.learners.told == trials + 1
    assert all(len(hashes) == 1 for hashes in transcript(tmp_path / "run").values())


def _told(run: Path) -> int:
    journal = run / ".evolve" / "journal.jsonl"
    return journal.read_text().count('"told"') if journal.exists() else 0


def test_answers_of_every_kind_are_in_the_notes(tmp_path: Path) -> None:
    """Applied, sent back, refused: what became of each can be counted, and the search becomes better."""
    with open_search(tmp_path / "run", trials=80) as evolution:
        evolution.run()
        assert evolution.best is not None
        assert evolution.best.number > 0
    trials = History(tmp_path / "run").order
    counted = count_answers(trials)
    assert counted["applied"] >= 40
    assert counted["refused"] >= 1
    assert len(counted) >= 4
    assert sum(counted.values()) == sum(trial.usage.calls for trial in trials)
    assert {trial.operator for trial in trials} == {"seed", *OPERATORS}
