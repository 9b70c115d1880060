"""Tasks whose evaluator is a command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve import forms
from evolve.errors import TaskError
from evolve.sandboxes.process import ProcessSandbox
from evolve.scoring import make_evaluator
from evolve.types import Evaluation, Program, Status

Score: TypeAlias = Callable[..., Evaluation]

SCORE = """
import json, os, sys
from data import WEIGHT
text = open(sys.argv[1]).read()
print("looking at", sys.argv[1])
print(len(text.strip()), file=sys.stderr)
print(json.dumps({"score": WEIGHT * len(text.strip()), "same": os.environ["PROGRAM"] == sys.argv[1]}))
"""


@pytest.fixture
def score(tmp_path: Path) -> Iterator[Score]:
    """`score(script, program=, command=)`: what a command that runs this script says of a program of one file."""
    sandbox = ProcessSandbox()

    def once(
        script: str,
        program: str = "four",
        command: str = '["python3", "score.py"]',
        seed: int = 0,
        seconds: int = 300,
    ) -> Evaluation:
        folder = tmp_path / "task"
        (folder / "seed").mkdir(parents=True)
        (folder / "seed" / "prompt.txt").write_text("x")
        (folder / "data.py").write_text("WEIGHT = 10\n")
        (folder / "score.py").write_text(script)
        limits = f"timeout = {seconds}\ncall_timeout = {seconds}\n"
        (folder / "task.toml").write_text(f"[evaluator]\ncommand = {command}\n{limits}")
        evaluator = make_evaluator(forms.load(folder), sandbox)
        try:
            return evaluator.evaluate(Program({"prompt.txt": program.encode()}), seed=seed)
        finally:
            evaluator.close()

    yield once
    sandbox.close()


def test_the_last_line_is_the_score(score: Score) -> None:
    """The command finds the task's files beside it and the program at the end of its arguments; what it printed to
    standard error is feedback."""
    evaluation = score(SCORE)
    assert (evaluation.status, evaluation.score) == (Status.OK, 40.0)
    assert evaluation.metrics == {"same": True}
    assert evaluation.feedback == "4"


def test_a_bare_number_will_do(score: Score) -> None:
    """And the seed of a repeat is in the environment."""
    assert score("import os; print('said'); print(os.environ['EVOLVE_SEED'])", seed=3).score == 3.0


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("import sys; print('oh', file=sys.stderr); sys.exit(3)", Status.FAILED, "exit code 3\nIt printed:\noh"),
        ("pass", Status.FAILED, "ended without printing its score"),
        ("print('fine')", Status.FAILED, "printed 'fine' on its last line"),
        ("print('NaN')", Status.INVALID, "nan"),
        ("print('{}')", Status.INVALID, "no score"),
        ("print('true')", Status.INVALID, "True"),
        ("import time; time.sleep(600)", Status.TIMEOUT, "3 s"),
    ],
)
def test_what_is_no_score_is_said(score: Score, script: str, status: Status, said: str) -> None:
    """With what the command printed."""
    evaluation = score(script, seconds=3 if status is Status.TIMEOUT else 300)
    assert evaluation.status == status
    assert said in evaluation.feedback


def test_a_command_that_is_not_there_fails(score: Score) -> None:
    """As in a shell."""
    assert "exit code 127" in score("", command='["nowhere-to-be-found"]').feedback


def test_a_form_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With those there are."""
    with pytest.raises(TaskError, match="there is no form of task 'nonsense'; there are native"):
        forms.load(tmp_path, "nonsense")
