"""A search with a gate: pairs run beside trials, decisions are commits, and a clone knows all of it."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evolve import journal
from evolve.adoption.controller import Adoption
from evolve.adoption.policy import Policy
from evolve.adoption.records import Review, Transition, encode_review
from evolve.adoption.referee import Referee
from evolve.errors import RunDamaged, SandboxFault, TaskError
from evolve.gates.sequential import Rules
from evolve.history import History
from evolve.lineage import Lineage
from evolve.testing.adoptions import OBJECTIVE, CoinEvaluator
from evolve.testing.fakes import FunctionEvaluator, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Evaluation, Program, Split

POLICY = Policy(gate=Rules(cap=40, least=4, hopeful=10), every=2, gain_asked=1.0, lines_asked=1000, canary=None)


def chance(program: Program) -> float:
    """From 0.1 for the seed, which is 3 away from the best, to 0.95."""
    return min(max(0.1, 1.0 + number_score(program) * 0.3), 0.95)


class Moody(CoinEvaluator):
    """Fails once, at the fifth evaluation."""

    def __init__(self) -> None:
        super().__init__(chance)
        self.asked = 0

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        self.asked += 1
        if self.asked == 5:
            raise SandboxFault("the daemon is gone")
        return super().evaluate(program, split=split, seed=seed)


def referee(
    objective: str = OBJECTIVE, evaluator: Callable[[], CoinEvaluator] = lambda: CoinEvaluator(chance)
) -> Callable[[Lineage], Referee]:
    return lambda lineage: Referee(Adoption(POLICY, seed=1), evaluator(), lineage, objective=objective)


def searched(path: Path, trials: int = 12, **settings: Any) -> Adoption:
    """The search at `path`, gone on with until so many trials were told."""
    settings.setdefault("gate", referee())
    with open_evolution(path, trials=trials, **settings) as evolution:
        evolution.run()
        assert isinstance(evolution.gate, Referee)
        return evolution.gate.adoption


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


def state(adoption: Adoption) -> tuple[object, ...]:
    adopted = adoption.adopted.number if adoption.adopted else None
    return adopted, adoption.history, adoption.confirmations, adoption.question, adoption.objective


def test_what_is_adopted_is_a_branch(tmp_path: Path) -> None:
    """Its last commit has the adopted program, and tells what was seen."""
    adoption = searched(tmp_path / "run")
    assert adoption.adopted is not None
    assert adoption.adopted.number > 0
    run = tmp_path / "run"
    assert git(run, "rev-parse", "adopted^{tree}") == adoption.adopted.program.tree
    numbers = git(
        run,
        "log",
        "--first-parent",
        "--grep=^Adoption: adopted",
        "--format=%(trailers:key=Challenger,valueonly)",
        "adopted",
    )
    assert [int(number) for number in numbers.split()] == [adopted.number for adopted in adoption.history][::-1]
    assert "E-Value: " in git(run, "show", "--no-patch", "adopted")


def test_a_clone_knows_who_is_adopted_and_how_often_it_was_tried(tmp_path: Path) -> None:
    """Levels go on where they were; else a clone would promise less than the run did."""
    before = searched(tmp_path / "run")
    assert before.confirmations > 1
    git(tmp_path, "clone", "-q", "run", "clone")
    git(tmp_path / "clone", "branch", "-q", "trials", "origin/trials")
    after = searched(tmp_path / "clone")
    assert state(after) == state(before)
    searched(tmp_path / "run", trials=20)
    searched(tmp_path / "clone", trials=20)
    assert git(tmp_path / "run", "rev-parse", "adopted") == git(tmp_path / "clone", "rev-parse", "adopted")


def test_with_many_workers_a_replay_has_the_same_reference(tmp_path: Path) -> None:
    """Whatever ended first."""
    live = searched(tmp_path / "run", trials=20, workers=4, in_flight=6)
    commit = git(tmp_path / "run", "rev-parse", "adopted")
    again = searched(tmp_path / "run", trials=20, workers=4, in_flight=6)
    assert state(again) == state(live)
    assert git(tmp_path / "run", "rev-parse", "adopted") == commit


def test_a_fault_is_no_score(tmp_path: Path) -> None:
    """The pair is run again, both sides of it, and all is as if nothing had been."""
    calm = searched(tmp_path / "calm")
    moody = searched(tmp_path / "moody", gate=referee(evaluator=Moody), patience=(0.0,))
    assert state(moody) == state(calm)
    assert git(tmp_path / "calm", "rev-parse", "adopted") == git(tmp_path / "moody", "rev-parse", "adopted")


def test_pairs_are_evaluations_of_the_budget(tmp_path: Path) -> None:
    """It is counted exactly, and never passed."""
    searched(tmp_path / "run", trials=50, limits={"evaluations": 31})
    events = list(journal.read(tmp_path / "run" / ".evolve" / "journal.jsonl"))
    pairs = sum(event.get("what") == "pair" for event in events)
    told = sum(event["event"] == "told" and event["status"] == "ok" for event in events)
    assert pairs > 3
    assert 30 <= 2 * pairs + told <= 31


def test_a_session_that_is_killed_in_a_confirmation_keeps_its_time(tmp_path: Path) -> None:
    """As one that is killed among trials; and seconds are in no commit."""
    searched(tmp_path / "run")
    file = tmp_path / "run" / ".evolve" / "journal.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    pairs = [number for number, line in enumerate(lines) if b'"what":"pair"' in line]
    file.write_bytes(b"".join(lines[: pairs[-1] + 1]))
    elapsed = json.loads(lines[pairs[-1]])["elapsed"]
    assert History(tmp_path / "run").elapsed == elapsed >= json.loads(lines[pairs[0]])["elapsed"] > 0.0
    with open_evolution(tmp_path / "run", gate=referee()) as evolution:
        assert evolution.budget.elapsed == elapsed
    kept = git(tmp_path / "run", "show", "trials:gate.jsonl")
    assert '"what": "pair"' in kept
    assert "elapsed" not in kept


class Onlooker(CoinEvaluator):
    """Evaluates nothing after the first adoption before git has it, or a minute is over."""

    def __init__(self, run: Path) -> None:
        super().__init__(chance)
        self.run, self.adopted, self.seen, self.waits = run, "", "", True

    def hear(self, transition: Transition) -> None:
        if transition.kind == "adopted":
            self.adopted = self.adopted or transition.tree

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        late = time.monotonic() + 60.0
        while self.waits and self.adopted != self.seen and time.monotonic() < late:
            time.sleep(0.05)
            shown = ["git", "rev-parse", "--verify", "--quiet", "adopted^{tree}"]
            self.seen = subprocess.run(shown, cwd=self.run, capture_output=True, text=True, check=False).stdout.strip()
        self.waits = self.waits and not self.adopted
        return super().evaluate(program, split=split, seed=seed)


def test_git_has_what_is_adopted_while_the_next_one_is_confirmed(tmp_path: Path) -> None:
    """It is moved soon, whether trials are told or not."""
    onlooker = Onlooker(tmp_path / "run")

    def watched(lineage: Lineage) -> Referee:
        made = Adoption(POLICY, seed=1)
        return Referee(made, onlooker, lineage, objective=OBJECTIVE, on_transition=onlooker.hear)

    searched(tmp_path / "run", gate=watched)
    assert onlooker.adopted
    assert onlooker.seen == onlooker.adopted


def test_another_evaluator_ends_the_session(tmp_path: Path) -> None:
    """Before anything is confirmed by it; with the first one the run goes on."""
    searched(tmp_path / "run")
    with pytest.raises(TaskError, match="put that one back"):
        searched(tmp_path / "run", trials=20, gate=referee("1" * 40))
    searched(tmp_path / "run", trials=20)


def test_decisions_need_somebody_to_hear_them(tmp_path: Path) -> None:
    """A search without a gate does not go on with a run that had one."""
    searched(tmp_path / "run")
    with pytest.raises(RunDamaged, match="no gate to hear them"), open_evolution(tmp_path / "run"):
        pass


def test_a_persons_answer_is_kept_in_a_commit(tmp_path: Path) -> None:
    """It is heard between sessions, and a replay gives the same commit."""
    policy = replace(POLICY, lines_asked=0)

    def asking(lineage: Lineage) -> Referee:
        return Referee(Adoption(policy, seed=1), CoinEvaluator(chance), lineage, objective=OBJECTIVE)

    asked = searched(tmp_path / "run", gate=asking).question
    assert asked is not None
    with open_evolution(tmp_path / "run", gate=asking) as evolution:
        review = Review(number=asked.number, approve=False, reason="it reads the clock", by="Ada")
        evolution.hear(encode_review(review))
    said = git(tmp_path / "run", "log", "-1", "--format=%B", "adopted")
    assert said.startswith(f"Reject trial {asked.number}; trial 0 stays\n\nRejected by Ada: it reads the clock\n")
    assert History(tmp_path / "run").stopped == "trials"
    commit = git(tmp_path / "run", "rev-parse", "adopted")
    with open_evolution(tmp_path / "run", gate=asking) as evolution:
        assert isinstance(evolution.gate, Referee)
        assert evolution.gate.adoption.question is None
    assert git(tmp_path / "run", "rev-parse", "adopted") == commit


class Crowded(CoinEvaluator):
    """Counts how many score at a time. Each waits a while for as many as are wanted, until they have been there."""

    def __init__(self, wanted: int) -> None:
        super().__init__(chance)
        self.now, self.most, self.wanted = 0, 0, wanted
        self.turn = threading.Condition()

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        with self.turn:
            self.now += 1
            self.most = max(self.most, self.now)
            self.turn.notify_all()
            self.turn.wait_for(lambda: self.most >= self.wanted, 20)
        time.sleep(0.02)
        with self.turn:
            self.now -= 1
        return super().evaluate(program, split=split, seed=seed)


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (4, 4)])
def test_pairs_take_all_workers_when_no_trial_is_under_way(tmp_path: Path, workers: int, most: int) -> None:
    """They are what is left to do when the trials are told."""
    crowded = Crowded(most)
    searched(tmp_path / "run", gate=referee(evaluator=lambda: crowded), workers=workers, in_flight=workers)
    assert crowded.most == most


def test_pairs_leave_half_of_the_workers_to_trials(tmp_path: Path) -> None:
    """As long as one is under way, however much there would be to confirm."""
    crowded, calls = Crowded(2), itertools.count()
    seen: list[int] = []

    def slow(program: Program) -> float:
        with crowded.turn:
            if next(calls) > 8:
                crowded.turn.wait_for(lambda: crowded.most >= 2, 20)
                crowded.turn.wait_for(lambda: crowded.most > 2, 0.2)  # more may not come while this trial is here
            seen.append(crowded.most)
        return number_score(program)

    given: dict[str, Any] = {"evaluator": FunctionEvaluator(slow), "gate": referee(evaluator=lambda: crowded)}
    searched(tmp_path / "run", workers=4, in_flight=2, **given)
    assert max(seen) == 2
