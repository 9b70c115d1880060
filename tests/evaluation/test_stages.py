"""Stages, instances, seeds, objectives, what lies beside a program, and its build."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from evolve.errors import TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.types import Evaluation, Program, Status

Make: TypeAlias = Callable[..., NativeEvaluator]
Score: TypeAlias = Callable[..., Evaluation]

NUMBERED = """
def evaluate_stage2(program):
    return {"score": program.call("f") * 10, "late": True, "feedback": "second"}

def evaluate_stage1(program):
    return {"score": program.call("f"), "early": True, "feedback": "first"}
"""
MARKED = """
from evolve.evaluator import Evaluation, stage

@stage(threshold=2)
def quick(program):
    return Evaluation(program.call("f"), metrics={"n": 1})

def helper(program):
    raise AssertionError

@stage(threshold=4)
def slow(program):
    return Evaluation(score=program.call("f") + 1, measures={"size": 3})

def evaluate(program):
    return Evaluation(score=100, artifacts={"log.txt": "all of it"})
"""
INSTANCES = """
def instances(split):
    return {"a": 1, "b": 2, "c": 6} if split == "search" else [7]

def evaluate(program, instance):
    return {"score": program.call("f", instance), "half": instance / 2, "feedback": "", "artifacts": {"x": "y"}}
"""


def returns(value: float) -> str:
    return f"def f():\n    return {value}\n"


def test_numbered_stages_run_in_order_and_add_up(score: Score) -> None:
    """The last one's score counts; the earlier ones' are metrics, and so is what they told beside."""
    evaluation = score(returns(3), NUMBERED, rules=Rules(thresholds=(2.5,)))
    assert (evaluation.status, evaluation.score) == (Status.OK, 30.0)
    assert evaluation.metrics == {"early": True, "late": True, "evaluate_stage1": 3}
    assert evaluation.feedback == "first\nsecond"


@pytest.mark.parametrize(("direction", "value"), [("maximize", 2), ("minimize", 3)])
def test_a_program_short_of_a_threshold_is_screened(score: Score, direction: str, value: int) -> None:
    """It has no score, which would not compare with others, and the feedback says which threshold it was."""
    evaluation = score(returns(value), NUMBERED, rules=Rules(thresholds=(2.5,), direction=direction))  # type: ignore[arg-type]
    assert (evaluation.status, evaluation.score, evaluation.fitness) == (Status.SCREENED, None, None)
    assert evaluation.metrics == {"early": True, "evaluate_stage1": value}
    side = "below" if direction == "maximize" else "above"
    assert evaluation.feedback == f"evaluate_stage1: its score {value} is {side} the threshold 2.5\nfirst"


@pytest.mark.parametrize(("value", "said"), [(1, "quick: its score 1 is below"), (2, "slow: its score 3 is below")])
def test_marked_stages_have_their_own_thresholds(score: Score, value: float, said: str) -> None:
    """And run in the order of the file."""
    evaluation = score(returns(value), MARKED)
    assert evaluation.status == Status.SCREENED
    assert evaluation.feedback.startswith(said)


def test_the_stages_come_before_evaluate(score: Score) -> None:
    """What all of them told is kept; a function without a mark is none."""
    evaluation = score(returns(3), MARKED)
    assert (evaluation.status, evaluation.score) == (Status.OK, 100.0)
    assert evaluation.metrics == {"n": 1, "quick": 3, "slow": 4}
    assert evaluation.measures == {"size": 3.0}
    assert evaluation.artifacts == {"log.txt": b"all of it"}


def test_a_stage_can_be_asked_alone(make: Make) -> None:
    """No threshold is applied to it then; one that is not there is named."""
    evaluator = make(MARKED)
    program = Program({"program.py": returns(1).encode()})
    assert evaluator.stages == ("quick", "slow", "evaluate")
    assert evaluator.evaluate(program, stage="slow").score == 2.0
    with pytest.raises(TaskError, match="no stage 'slower'; there are quick, slow, evaluate"):
        evaluator.evaluate(program, stage="slower")


@pytest.mark.parametrize(
    ("text", "thresholds", "said"),
    [
        (NUMBERED, (1.0, 2.0), "2 thresholds and the evaluator 2 stages"),
        ("def evaluate(program):\n    return 1\n", (1.0,), "1 thresholds and the evaluator 1 stages"),
        ("def evaluate(program, instance):\n    return 1\n", (), "needs a function instances"),
        ("from evolve.evaluator import stage\n@stage(threshold=True)\ndef f(p):\n    return 1\n", (), "True: it is a"),
    ],
)
def test_stages_that_cannot_be_are_the_task_s_error(
    make: Make, text: str, thresholds: tuple[float, ...], said: str
) -> None:
    """The message names what does not fit."""
    with pytest.raises(TaskError, match=said):
        make(text, rules=Rules(thresholds=thresholds)).evaluate(Program({}))


def test_a_stage_without_a_usable_score_is_invalid(score: Score) -> None:
    """Whatever the threshold."""
    text = "def evaluate_stage1(program):\n    return float('nan')\ndef evaluate(program):\n    return 1\n"
    evaluation = score("", text, rules=Rules(thresholds=(0.0,)))
    assert evaluation.status == Status.INVALID
    assert "nan" in evaluation.feedback


def test_instances_are_scored_one_by_one(make: Make) -> None:
    """The score is their mean, each is told by name, and the feedback names the worst; held-out ones give none."""
    evaluator = make(INSTANCES)
    program = Program({"program.py": b"def f(x):\n    return x * x\n"})
    evaluation = evaluator.evaluate(program)
    assert evaluation.score == pytest.approx(41 / 3)
    assert evaluation.instances == {"a": 1.0, "b": 4.0, "c": 36.0}
    assert evaluation.metrics["half"] == pytest.approx(1.5)
    assert evaluation.feedback == "Worst instances: a 1, b 4, c 36"
    assert evaluation.artifacts == {"a/x": b"y", "b/x": b"y", "c/x": b"y"}
    assert evaluator.splits == ("search", "held_out")
    held_out = evaluator.evaluate(program, split="held_out")
    assert (held_out.score, held_out.feedback) == (49.0, "")


def test_an_instance_on_which_the_program_fails_is_named(score: Score) -> None:
    """With the program's own traceback."""
    evaluation = score("def f(x):\n    return 1 // (x - 2)\n", INSTANCES)
    assert evaluation.status == Status.FAILED
    assert evaluation.feedback.startswith("instance b: Traceback")
    assert "ZeroDivisionError" in evaluation.feedback


def test_a_seed_is_given_to_who_asks_for_one(make: Make) -> None:
    """And who does not is not bothered."""
    evaluator = make("def evaluate(program, seed):\n    return seed\n")
    assert evaluator.seeds
    assert [evaluator.evaluate(Program({}), seed=seed).score for seed in (0, 7)] == [0.0, 7.0]
    plain = make("def evaluate(program):\n    return 1\n")
    assert not plain.seeds
    assert plain.evaluate(Program({}), seed=7).score == 1.0


def test_objectives_are_taken_with_their_direction(score: Score) -> None:
    """From the metrics or under their own name, higher being better afterwards."""
    text = "def evaluate(program):\n    return {'score': 1, 'size': 4, 'objectives': {'speed': 2}}\n"
    rules = Rules(objectives={"size": "minimize", "speed": "maximize"})
    assert score("", text, rules=rules).objectives == {"size": -4.0, "speed": 2.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{'score': 1}", "returned no 'size', which is an objective"),
        ("{'score': 1, 'size': True}", "'size' cannot be used: it is 'True' and no number"),
        ("{'score': 1, 'size': float('inf')}", "'size' was dropped: it is inf"),
        ("1", "returned no 'size'"),
    ],
)
def test_an_objective_that_is_missing_makes_the_trial_invalid(score: Score, text: str, said: str) -> None:
    """As a score that is missing does."""
    evaluation = score("", f"def evaluate(program):\n    return {text}\n", rules=Rules(objectives={"size": "minimize"}))
    assert (evaluation.status, evaluation.objectives) == (Status.INVALID, {})
    assert said in evaluation.feedback


def test_files_lie_beside_a_program_that_it_cannot_replace(score: Score) -> None:
    """What is laid there wins over the program's own, and `program.files` is the program's alone."""
    text = "def evaluate(program):\n    return program.call('tools.one:g') + len(program.files)\n"
    beside = Program({"tools/one.py": b"from program import f\ndef g():\n    return f()\n", "tools/run.sh": b""})
    assert score(returns(5), text, rules=Rules(beside=beside)).score == 6.0
    program = Program({"tools/one.py": b"def g():\n    return 100\n", "tools/two.py": b"", "a.py": b""})
    assert set(Rules(beside=beside).laid(program).files) == {"a.py", "tools/one.py", "tools/run.sh"}
    assert Rules(beside=beside).laid(program).files["tools/one.py"] == beside.files["tools/one.py"]


def test_a_build_runs_before_the_program_is_scored(score: Score) -> None:
    """In the program's folder, where the evaluator then finds what was built."""
    text = "def evaluate(program):\n    return int(program.run(['cat', 'made']).stdout)\n"
    assert score("", text, rules=Rules(build=("sh", "-c", "echo 7 > made"))).score == 7.0


@pytest.mark.parametrize(
    ("build", "status", "said"),
    [
        (("sh", "-c", "echo no good >&2; exit 3"), Status.FAILED, "ended with exit code 3\nIt printed:\nno good"),
        (("nowhere-to-be-found",), Status.FAILED, "ended with exit code 127"),
        (("sleep", "600"), Status.TIMEOUT, "(sleep 600) failed"),
    ],
)
def test_a_build_that_fails_is_the_feedback(score: Score, build: tuple[str, ...], status: Status, said: str) -> None:
    """And nothing is scored."""
    seconds = 0.5 if status is Status.TIMEOUT else 120.0
    evaluation = score("", "def evaluate(program):\n    return 1\n", rules=Rules(build=build), build_timeout=seconds)
    assert evaluation.status == status
    assert said in evaluation.feedback
