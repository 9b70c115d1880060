"""Solve: an agent's score is how many small programming tasks it solves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from evolve.errors import ModelFault, SandboxFault, TaskError
from evolve.evaluation.improve import Relay
from evolve.evaluation.solve import Attempt, Benchmark, Solve
from evolve.proposers.solver import Solver
from evolve.regions import Regions
from evolve.testing.evaluators import EvaluatorSuite
from evolve.testing.fakes import NoisyEvaluator
from evolve.testing.models import ScriptedModel
from evolve.testing.scaffolds import HereSandbox
from evolve.testing.trials import trial
from evolve.types import Evaluation, Program, Split, Status

FOLDERS = [f"part{number}" for number in range(9)]
SEED = Program({f"{folder}/code.py": b"answer = 0\n" for folder in FOLDERS} | {"readme.md": b"Nine of them.\n"})
HELD_OUT = ["part2", "part5", "part8"]


def agent(body: str) -> Program:
    """One whose `solve` has this body; `path` is where the code is."""
    text = f"def solve(instance):\n    (path,) = instance['files']\n    number = int(path[4])\n    {body}\n"
    return Program({"scaffold.py": text.encode()})


RIGHT, WRONG, LAZY, EVEN = (
    agent(f"return {{path: {text}}}")
    for text in ("'answer = 1\\n'", "'answer = 2\\n'", "'answer = 0\\n'", "f'answer = {1 + number % 2}\\n'")
)


class Parts(NoisyEvaluator):
    """A folder is right when its answer is 1; one whose answer is 7 takes the score of all away."""

    seeds = False

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Program, Split]] = []

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """By the text."""
        self.asked.append((program, split))
        answers = {folder: program.text(f"{folder}/code.py").strip()[-1] for folder in FOLDERS}
        if "7" in answers.values():
            return Evaluation(status=Status.TIMEOUT, feedback="too long")
        scores = {folder: {"1": 1.0, "2": 0.25}.get(answer, 0.125) for folder, answer in answers.items()}
        score = sum(scores.values()) / len(scores)
        return Evaluation(status=Status.OK, score=score, fitness=score, instances=scores)


def solve(evaluator: Any = None, relay: Any = None, **settings: Any) -> Solve:
    regions = Regions(SEED, ["*/code.py"])
    solver = Solver([(ScriptedModel([]), 1.0)], sandbox=HereSandbox(), task="Make the answer 1.")

    def one(program: Program, files: Mapping[str, str], seed: int, ask: Relay) -> Attempt:
        return Attempt(*solver.solve(program, SEED, files, regions, seed, ask))

    benchmark = Benchmark(name="nine", seed=SEED, evaluator=evaluator or Parts(), solve=one)
    return Solve(benchmark, relay=relay or (lambda _: lambda model, request: model.complete(request)), **settings)


class TestConformance(EvaluatorSuite):
    """Agents are its programs."""

    def make(self) -> Solve:
        return solve()

    def programs(self) -> list[Program]:
        return [RIGHT, WRONG, LAZY, EVEN, agent("return 1 / 0"), Program({"scaffold.py": b"x = 1"})]


def test_the_score_is_the_mean_of_the_parts() -> None:
    """Of those that were drawn; what is wrong is told without the answer."""
    evaluator = Parts()
    found = solve(evaluator).evaluate(RIGHT)
    assert (found.status, found.score, found.metrics["solved"]) == (Status.OK, 1.0, 4)
    assert len(found.instances) == 4
    ((program, _),) = evaluator.asked
    changed = {path.partition("/")[0] for path in program.files if program.files[path] != SEED.files[path]}
    assert changed == found.instances.keys()
    wrong = solve().evaluate(WRONG)
    assert wrong.score == 0.25
    assert wrong.feedback.splitlines() == [f"{part}: 0.2500" for part in found.instances]


def test_the_same_seed_gives_every_agent_the_same_parts() -> None:
    """And all parts come up; those that are held out do in no search."""
    evaluator = solve()
    drawn = [tuple(evaluator.evaluate(RIGHT, seed=seed).instances) for seed in range(12)]
    assert drawn == [tuple(solve().evaluate(WRONG, seed=seed).instances) for seed in range(12)]
    assert {part for parts in drawn for part in parts} == set(FOLDERS) - set(HELD_OUT)
    held_out = evaluator.evaluate(WRONG, split="held_out")
    assert list(held_out.instances) == HELD_OUT
    assert held_out.feedback == ""


def test_what_cannot_be_used_scores_nothing() -> None:
    """Not even what the seed scores there; an agent that can do nothing has failed."""
    some = solve(each=9).evaluate(agent("return {path: 'answer = 1\\n'} if number % 2 else {path: 1 / 0}"))
    assert {part: score == 1.0 for part, score in some.instances.items()} == {
        part: part in {"part1", "part3", "part7"} for part in sorted(set(FOLDERS) - set(HELD_OUT))
    }
    assert set(some.instances.values()) == {0.0, 1.0}
    assert "part0: failed: ZeroDivisionError" in some.feedback
    for body, said in (
        ("return 1 / 0", "ZeroDivisionError"),
        ("return {path: 'answer = 0\\n'}", "no change"),
        ("return {'readme.md': 'x'}", "outside"),
        ("return {'part2/code.py': 'answer = 1\\n'}", "which it was not given"),
        ("return {path: 'answer = 1\\n', 'part8/code.py': 'answer = 1\\n'}", "which it was not given"),
        ("return {path: 'answer = ('}", "syntax"),
        ("return 7", "malformed: solve() returns a dict"),
    ):
        found = solve().evaluate(agent(body))
        assert (found.status, found.score) == (Status.FAILED, None)
        assert said in found.feedback


def test_an_answer_that_takes_all_scores_away_takes_its_own_alone() -> None:
    """Then each is scored for itself."""
    found = solve(each=9).evaluate(agent("return {path: f'answer = {7 if number == 3 else 1}\\n'}"))
    assert found.instances["part3"] == 0.0
    assert sum(found.instances.values()) == 5.0


def test_an_instance_is_told_of_its_part_and_no_other() -> None:
    """Its files, what may change of them, what is to be done, and a seed that all agents get alike."""
    tells = agent("raise ValueError(sorted(instance.items()))")
    evaluator = solve(each=1)
    said = evaluator.evaluate(tells).feedback
    assert "('task', 'Make the answer 1.')" in said
    assert said.count("part") == 3
    assert "/code.py': 'answer = 0\\n'" in said.replace("\\\\n", "\\n")
    assert solve(each=1).evaluate(tells).feedback == said
    assert evaluator.evaluate(tells, seed=1).feedback != said


def test_faults_are_no_score() -> None:
    """Neither of models nor of sandboxes; a benchmark without scores for its parts is a mistake of its author."""

    def relay(_: int) -> Any:
        raise ModelFault("down", sent=True)

    with pytest.raises(ModelFault) as raised:
        solve(relay=relay).evaluate(RIGHT)
    assert not raised.value.sent
    made = solve()
    made.close()
    with pytest.raises(SandboxFault, match="closed"):
        made.evaluate(RIGHT)
    made.tell(trial(0, RIGHT))

    class Whole(Parts):
        def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
            return Evaluation(status=Status.OK, score=1.0, fitness=1.0)

    with pytest.raises(TaskError, match="nine has no score for part"):
        solve(Whole()).evaluate(RIGHT)
    with pytest.raises(ValueError, match="at least 3 parts"):
        Solve(
            Benchmark(name="two", seed=Program({"a/x": b"", "b/x": b""}), evaluator=Parts(), solve=lambda *_: None),  # type: ignore[arg-type]
            relay=relay,
        )


def test_a_smoke_test_spares_the_rest() -> None:
    """What speaks against an agent beforehand is its feedback."""
    evaluator = Parts()
    found = solve(evaluator, smoke=lambda _: "no").evaluate(RIGHT)
    assert (found.status, found.feedback, evaluator.asked) == (Status.FAILED, "no", [])
