"""What becomes of evaluators that fail, hang, print, and return what is no score."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evolve.errors import TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.processes import gone
from evolve.types import Evaluation, Program, Status

Make: TypeAlias = Callable[..., NativeEvaluator]
Score: TypeAlias = Callable[..., Evaluation]


@pytest.mark.parametrize(
    ("returned", "feedback"),
    [
        ("float('nan')", "what evaluate() returned is nan"),
        ("float('-inf')", "what evaluate() returned is -inf"),
        ("True", "what evaluate() returned is True"),
        ("'9'", "what evaluate() returned is '9'"),
        ("None", "what evaluate() returned is None"),
        ("10**400", "an integer of 1329 bits: a score is one finite number that fits a float"),
        ("10**5000", "what evaluate() returned is an integer of 16610 bits: a score is one finite number that fits"),
        ("{'score': 10**5000}", "the score that evaluate() returned is an integer of 16610 bits"),
        ("{'score': 10**5000, 'odd': {1}}", "the score that evaluate() returned is an integer of 16610 bits"),
        ("__import__('fractions').Fraction(1, 2)", "what evaluate() returned is an object of type 'Fraction'"),
        ("{1}", "what evaluate() returned is an object of type 'set': a score is one finite number"),
        ("(i for i in [])", "what evaluate() returned is an object of type 'generator'"),
        ("[1, {2}]", "what evaluate() returned is a list with something in it that is no number"),
        ("[1]", "what evaluate() returned is [1]"),
        ("{}", "no score: a dict with the keys []"),
        ("{'odd': {1}}", "no score: a dict with the keys []"),
        ("{'scores': 1}", "no score: a dict with the keys ['scores']"),
        ("{'score': {3}}", "the score that evaluate() returned is an object of type 'set'"),
        ("object()", "what evaluate() returned is an object of type 'object'"),
        ("{'score': True}", "the score that evaluate() returned is True"),
        ("__import__('numpy').bool_(True)", "what evaluate() returned is True"),
        ("__import__('numpy').float64('nan')", "what evaluate() returned is nan"),
        ("__import__('numpy').ones(2)", "is an array of shape (2,)"),
    ],
)
def test_what_is_no_score_is_invalid(score: Score, returned: str, feedback: str) -> None:
    """And the feedback says what came instead."""
    evaluation = score("", f"def evaluate(program):\n    return {returned}\n")
    assert evaluation.status == Status.INVALID
    assert feedback in evaluation.feedback
    assert evaluation.score is None


@pytest.mark.parametrize("returned", ["__import__('numpy').float32(2)", "__import__('numpy').array(2)", "2", "2.0"])
def test_numbers_of_any_kind_are_scores(score: Score, returned: str) -> None:
    """Those of numpy too."""
    assert score("", f"def evaluate(program):\n    return {returned}\n").score == 2.0


def test_odd_metrics_are_dropped_with_a_note(score: Score) -> None:
    """They never cost a program its score."""
    evaluation = score(
        "",
        """
def evaluate(program):
    return {"score": 1, "good": 2, "odd": {1}, "nan": float("nan"), "metrics": {"fine": 1, "file": open("evaluate.py")},
            "measures": {"x": float("inf"), "y": 1}, "feedback": 3, "artifacts": {"../x": b"", "ok": b"1"}, 7: 8}
""",
    )
    assert (evaluation.status, evaluation.score) == (Status.OK, 1.0)
    assert evaluation.metrics == {"good": 2, "fine": 1}
    assert evaluation.measures == {"y": 1.0}
    assert evaluation.artifacts == {"ok": b"1"}
    for note in (
        "odd was dropped",
        "'nan' was dropped",
        "metrics.file",
        "'x' was dropped",
        "feedback was",
        "'../x'",
        "7 was",
    ):
        assert note in evaluation.feedback, note


def test_an_evaluator_that_raises_is_a_failure_with_its_traceback(make: Make) -> None:
    """With its own lines only; and it goes on with the next program."""
    evaluator = make("""
import json
n = []
def evaluate(program):
    n.append(1)
    if len(n) == 1:
        json.loads("{")
    return len(n)
""")
    evaluation = evaluator.evaluate(Program({"program.py": b""}))
    assert evaluation.status == Status.FAILED
    assert '  File "evaluate.py", line 7, in evaluate\n' in evaluation.feedback
    assert "decoder.py" not in evaluation.feedback
    assert evaluator.evaluate(Program({"program.py": b""})).score == 2.0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("while True: pass", "evaluate() did not return within 3 s, the timeout in task.toml"),
        ("import time; time.sleep(600)", "evaluate() did not return within 3 s, the timeout in task.toml"),
        ("program.call('f')", "f: stopped when the evaluation had taken 3 s, the timeout in task.toml"),
        (
            "program.run(['sleep', '600'])",
            "sleep: stopped when the evaluation had taken 3 s, the timeout in task.toml",
        ),
        (
            "\n  while 1:\n   try: program.call('f', timeout=0.2)\n   except program.Error: pass",
            "",  # the end may come in a call, or between two of them
        ),
    ],
)
def test_an_evaluation_that_does_not_end_is_a_timeout(make: Make, how: str, told: str) -> None:
    """Whoever it is that hangs; and the next program is scored."""
    evaluator = make(f"def evaluate(program):\n  if 'x' in program.files:\n    return 1\n  {how}\n", timeout=3.0)
    start = time.monotonic()
    evaluation = evaluator.evaluate(Program({"program.py": b"def f():\n    while True: pass\n"}))
    assert evaluation.status == Status.TIMEOUT
    assert evaluation.feedback.startswith(told)
    assert time.monotonic() - start < 120
    assert evaluator.evaluate(Program({"x": b""})).score == 1.0


def test_an_evaluator_that_crashes_is_a_failure(make: Make) -> None:
    """It says how, and another one takes its place."""
    evaluator = make("""
import os
def evaluate(program):
    if "x" in program.files:
        return 1
    os.kill(os.getpid(), 11)
""")
    evaluation = evaluator.evaluate(Program({"program.py": b""}))
    assert evaluation.status == Status.FAILED
    assert evaluation.feedback == "the evaluator's process was killed by SIGSEGV"
    assert evaluator.evaluate(Program({"x": b""})).score == 1.0


def test_what_an_evaluator_prints_disturbs_nobody(score: Score) -> None:
    """Whatever way it takes, and however much it is."""
    evaluation = score(
        "def f(): return 1",
        """
import os, subprocess, sys
print("loading")
def evaluate(program):
    print("x" * 10**6)
    os.write(1, b"direct")
    sys.__stderr__.write("err")
    subprocess.run(["echo", "child"])
    return program.call("f")
""",
    )
    assert (evaluation.status, evaluation.score) == (Status.OK, 1.0)


def test_children_of_an_evaluator_do_not_outlive_it(make: Make) -> None:
    """They may go on while it is open."""
    evaluator = make("""
from subprocess import Popen
def evaluate(program):
    return {"score": 1, "pids": [Popen(["sleep", "600"], start_new_session=new).pid for new in (True, False)]}
""")
    pids: Any = evaluator.evaluate(Program({"program.py": b""})).metrics["pids"]
    assert not any(gone(pid) for pid in pids)
    evaluator.close()
    assert all(gone(pid) for pid in pids)


def test_an_evaluator_keeps_the_program_no_longer_than_its_evaluation(make: Make) -> None:
    """A thread that goes on cannot reach the next candidate."""
    evaluator = make("""
kept = []
def evaluate(program):
    kept.append(program)
    if len(kept) == 1:
        return 1
    try:
        kept[0].call("f")
    except RuntimeError as error:
        return {"score": 2, "said": str(error)}
""")
    results = [evaluator.evaluate(Program({"program.py": b"def f(): return 1"})) for _ in range(2)]
    assert results[1].metrics == {"said": "the evaluation is over, its program can no longer be called"}


def test_mistakes_in_the_use_of_a_program_are_the_evaluator_s(score: Score) -> None:
    """Its traceback says which."""
    for mistake, said in (
        ("program.map('f', [1])", "map takes one tuple or list of arguments per call"),
        ("program.call('f', {1})", "cannot cross"),
        ("program.run([])", "argv is a list of text"),
        ("program.run('ls')", "argv is a list of text"),
        ("program.read('nothing')", "KeyError: 'nothing'"),
        ("program.call(len)", "a function is named by text"),
        ("program.call('f', 1, timeout='3')", "timeout is '3': seconds, more than 0, or None"),
        ("program.call('f', 1, timeout=0)", "timeout is 0"),
        ("program.run(['ls'], timeout=float('nan'))", "timeout is nan"),
    ):
        evaluation = score("def f(x): return x", f"def evaluate(program):\n    {mistake}\n")
        assert evaluation.status == Status.FAILED
        assert said in evaluation.feedback
        assert "line 2, in evaluate" in evaluation.feedback


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def evaluate(program:\n", 'File "evaluate.py", line 1'),
        ("import nonsense\n", "No module named 'nonsense'"),
        ("x = 1\n", r"there is no function evaluate\(program\) in it"),
        ("async def evaluate(program):\n    return 1\n", "evaluate has a yield or is async.*make it a plain function"),
        ("def evaluate(program):\n    yield 1\n", "evaluate has a yield or is async"),
        ("evaluate = 3\n", r"there is no function evaluate\(program\) in it"),
        ("def evaluate():\n    return 1\n", r"evaluate takes \(program\) and, where it wants them, split"),
        (
            "def evaluate(program, other):\n    return 1\n",
            r"evaluate takes \(program\) and, where it wants them, split",
        ),
        ("import sys\nsys.exit(2)\n", "SystemExit: 2"),
        ("import os\nos._exit(2)\n", "ended with exit code 2"),
    ],
)
def test_an_evaluator_that_cannot_be_used_is_the_task_s_error(make: Make, text: str, said: str) -> None:
    """Which names the file, the line and what is wrong."""
    evaluator = make(text)
    with pytest.raises(TaskError, match=said) as raised:
        evaluator.evaluate(Program({"program.py": b""}))
    assert "task0/evaluate.py" in str(raised.value)


def test_an_evaluator_that_is_not_there_is_the_task_s_error(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(TaskError, match=r"evaluate\.py does not exist: write it"):
        NativeEvaluator(sandbox=ProcessSandbox(), folder=tmp_path)
