"""A run that ended at any moment whatever goes on as if nothing had happened."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evolve import journal
from evolve.evaluation.repeats import Race, Repeats
from evolve.regions import Regions
from evolve.testing.fakes import FunctionEvaluator, NoisyEvaluator
from evolve.testing.models import ScriptedModel
from evolve.testing.searches import open_evolution
from evolve.types import Context, Evaluation, Plan, Program, Proposal, Request, Selection, Status, Trial

TRIALS = 14
SEED = Program({"program.py": b"x = 0\n# EVOLVE-BLOCK-START\ny = 0\n# EVOLVE-BLOCK-END\n"})


def program(value: float, frozen: str = "x = 0") -> Program:
    return Program({"program.py": f"{frozen}\n# EVOLVE-BLOCK-START\ny = {value}\n# EVOLVE-BLOCK-END\n".encode()})


def score(candidate: Program) -> float:
    return -abs(float(candidate.text("program.py").split("\n")[2].removeprefix("y = ")) - 3.0)


def answer(request: Request) -> str:
    """The same for the same question, whenever it is asked."""
    return str(sum(map(ord, request.messages[0][1])) % 7 - 3)


class Moody:
    """Does by the dice all that a proposer can: asks models, repeats what was tried, changes what it must not, has
    nothing to say. What it does depends on what it was told of."""

    def __init__(self) -> None:
        self.model = ScriptedModel(answer)
        self.told = 0

    def plan(self, selection: Selection, context: Context) -> Plan:
        told, first = self.told, selection.parents[0]
        parents = (first.number, *(trial.number for trial in selection.inspirations[:1]))

        def work() -> Proposal:
            mood, usual = context.rng.random(), round(float(context.rng.normal(0, 3)))
            given: dict[str, Any] = {"parents": parents, "operator": "moody", "summary": f"after {told} trials"}
            if mood < 0.15:
                return Proposal(program=first.program, rejected="nothing comes to mind", **given)
            if mood < 0.3:
                return Proposal(program=program(usual, "x = 1"), **given)
            if mood < 0.6:
                question = f"after {told} trials, {first.number} was best: what now?"
                for number in range(2):
                    request = Request(messages=(("user", question + "!" * number),), max_tokens=9)
                    usual = int(context.ask(self.model, request).text)
            return Proposal(program=program(usual), **given)

        return work

    def tell(self, trial: Trial) -> None:
        self.told += 1


def settings(*, races: bool) -> dict[str, Any]:
    """A search in which everything happens; nobody has used it."""
    given: dict[str, Any] = {"seed_program": SEED, "regions": Regions(SEED), "proposer": Moody(), "models": True}
    if races:
        repeats = Repeats(NoisyEvaluator(score, lambda rng: 2 * float(rng.normal())), race=Race(most=4, least=3))
        return given | {"evaluator": repeats, "reservation": {"trials": 1, "evaluations": repeats.most}}

    def evaluate(candidate: Program) -> float | Evaluation:
        value = score(candidate)
        return Evaluation(status=Status.FAILED, feedback="too far") if value < -6 else value

    return given | {"evaluator": FunctionEvaluator(evaluate)}


def refs(path: Path) -> str:
    command = ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]
    return subprocess.run(command, cwd=path, check=True, capture_output=True, text=True).stdout


def moments(state: Path) -> Iterator[tuple[bytes, bytes]]:
    """Journal and transcript at each moment: calls of a trial lie between the asking for it and its proposal."""
    said: dict[int, list[bytes]] = {}
    for line in (state / "transcript.jsonl").read_bytes().splitlines(keepends=True):
        said.setdefault(json.loads(line)["trial"], []).append(line)
    written, asked = b"", b""
    for line in (state / "journal.jsonl").read_bytes().splitlines(keepends=True):
        event = json.loads(line)
        for call in said.pop(event["number"], ()) if event["event"] == "proposed" else ():
            yield written, asked + call[: len(call) // 2]
            asked += call
            yield written, asked
        yield written + line[: len(line) // 2], asked
        written += line
        yield written, asked


@pytest.mark.parametrize("races", [False, True])
def test_every_moment_is_as_good_as_another(tmp_path: Path, races: bool) -> None:
    """With one worker: whatever was the last thing that was written, whole or torn, the commits are the same, the
    budget is exact, and no question that was answered is asked again."""
    whole = tmp_path / "whole"
    given = settings(races=races)
    with open_evolution(whole, trials=TRIALS, **given) as evolution:
        evolution.run()
        spent, best = dict(evolution.budget.spent), evolution.best
        statuses = set(evolution.statuses)
    asked = len(given["proposer"].model.requests)
    assert statuses >= {Status.OK, Status.REJECTED, Status.DUPLICATE}
    assert asked >= 6
    expected = refs(whole)
    events = [event["event"] for event in journal.read(whole / ".evolve" / "journal.jsonl")]
    assert "duplicate" in events
    for number, (written, transcript) in enumerate(moments(whole / ".evolve")):
        path = tmp_path / str(number)
        (path / ".evolve").mkdir(parents=True)
        shutil.copy(whole / ".evolve" / "config.toml", path / ".evolve")
        (path / ".evolve" / "journal.jsonl").write_bytes(written)
        (path / ".evolve" / "transcript.jsonl").write_bytes(transcript)
        given = settings(races=races)
        with open_evolution(path, trials=TRIALS, **given) as evolution:
            evolution.run()
            where = f"after {written.splitlines()[-1:]} and {transcript.splitlines()[-1:]}"
            assert evolution.budget.spent == spent, where
            assert evolution.best == best, where
            lines = [json.loads(line) for line in transcript.splitlines(keepends=True) if line.endswith(b"\n")]
            sent, answered = (sum(kind in line for line in lines) for kind in ("sent", "reply"))
            assert answered + len(given["proposer"].model.requests) == asked, where
            assert evolution.budget.committed("calls") == asked + sent - answered, where
        assert refs(path) == expected, where
        shutil.rmtree(path)
