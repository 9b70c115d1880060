"""ShinkaEvolve's task folders: how their evaluators are run, and what comes of what they write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve.types import Evaluation, Sandbox, Status

Score: TypeAlias = Callable[..., Evaluation]
Scores: TypeAlias = Callable[..., list[Evaluation]]
Folder: TypeAlias = Callable[[dict[str, str]], Path]

PROGRAM = "# EVOLVE-BLOCK-START\ndef run(seed):\n    return seed * 2.0\n# EVOLVE-BLOCK-END\n"
MAIN = """
import argparse
def main(program_path, results_dir):
    run_shinka_eval(program_path=program_path, results_dir=results_dir, %s)
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path", default="initial.py")
    parser.add_argument("--results_dir", default="results")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
"""
FUNCTIONS = """
from shinka.core import run_shinka_eval
def aggregate(results):
    return {
        "combined_score": sum(results),
        "public": {"results": results},
        "private": {"secret": "only for people"},
        "text_feedback": "try harder",
        "runs": len(results),
    }
def validate(result):
    return (True, None) if result < 100 else (False, f"{result} is too much")
"""
USUAL = "experiment_fn_name='run', num_runs=3, aggregate_metrics_fn=aggregate, validate_fn=validate"
WRITES = """
import json, os, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert sorted(given) == ["--program_path", "--results_dir"] and __name__ == "__main__"
def write(name, text):
    with open(os.path.join(given["--results_dir"], name), "w") as file:
        file.write(text)
%s
"""


@pytest.fixture
def score(folder: Folder, scores_as: Scores) -> Score:
    """`score(evaluator, program=, name=, **files)`: what this evaluate.py says of a program."""

    def once(evaluator: str, program: str | None = None, name: str = "initial.py", config: str = "") -> Evaluation:
        place = folder({"evaluate.py": evaluator, name: PROGRAM, "shinka.yaml": config})
        return scores_as("shinka", place, [program])[0]

    return once


@pytest.fixture
def said(score: Score) -> Score:
    """`said(arguments, program=)`: what an evaluator says that calls `run_shinka_eval` with these arguments."""
    return lambda arguments=USUAL, program=None: score(FUNCTIONS + MAIN % arguments, program)


@pytest.fixture
def written(score: Score) -> Score:
    """`written(statements)`: what comes of an evaluator that writes its files by itself, with `write(name, text)`."""
    return lambda statements, **options: score(WRITES % statements, **options)


def test_runs_have_the_seeds_1_2_3(said: Score) -> None:
    """The metrics are the aggregate's: the public ones are metrics, the text is feedback."""
    evaluation = said()
    assert (evaluation.status, evaluation.score) == (Status.OK, 12.0)
    assert evaluation.metrics["results"] == [2.0, 4.0, 6.0]
    assert (evaluation.metrics["runs"], evaluation.metrics["num_valid_runs"]) == (3, 3)
    assert isinstance(evaluation.metrics["execution_time_mean"], float)
    assert evaluation.feedback == "try harder"


def test_what_is_private_is_for_people_alone(said: Score) -> None:
    """It is in a file below private/, and in nothing that a proposer is shown."""
    evaluation = said()
    assert json.loads(evaluation.artifacts["private/metrics.json"])["private"] == {"secret": "only for people"}
    assert all(name.startswith("private/") for name in evaluation.artifacts)
    shown = repr((evaluation.metrics, evaluation.measures, evaluation.instances, evaluation.feedback))
    assert "people" not in shown


def test_other_arguments_are_the_evaluator_s(said: Score) -> None:
    """Instead of seeds."""
    assert said(USUAL + ", get_experiment_kwargs=lambda i: {'seed': 10 * i}").score == 60.0


def test_runs_side_by_side_are_the_same_runs(said: Score) -> None:
    """In order, each in a process of its own."""
    assert said(USUAL + ", run_workers=4, max_workers_cap=2").metrics["results"] == [2.0, 4.0, 6.0]
    evaluation = said(USUAL + ", run_workers=4", "def run(seed):\n    raise ValueError('run by run')\n")
    assert "run by run" in evaluation.feedback


def test_other_files_are_kept(said: Score) -> None:
    """Below private/, since nothing says that a proposer may see them."""
    arguments = USUAL.replace("aggregate,", "lambda r: {'combined_score': 1.0, 'extra_data': r},")
    assert sorted(said(arguments).artifacts) == ["private/extra.pkl", "private/metrics.json"]


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("def run(seed):\n    return 99.0 * seed\n", "not correct: Validation failed: 198.0 is too much"),
        ("def run(seed):\n    raise ValueError('no')\n", "not correct: no"),
        ("def go(seed):\n    return 1.0\n", "there is no function 'run'"),
        ("def run(seed:\n", "'(' was never closed"),
        ("import sys\ndef run(seed):\n    sys.exit(0)\n", "without writing metrics.json"),
        ("import sys\ndef run(seed):\n    sys.exit(4)\n", "ended with exit code 4 without writing metrics.json"),
    ],
)
def test_a_program_that_is_not_correct_has_no_score(said: Score, program: str, error: str) -> None:
    """And the feedback says why."""
    evaluation = said(USUAL, program)
    assert (evaluation.status, evaluation.score) == (Status.FAILED, None)
    assert error in evaluation.feedback


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "-float('inf')"])
def test_a_score_that_is_not_finite_is_invalid(said: Score, value: str) -> None:
    """Whatever else was right."""
    evaluation = said(USUAL.replace("aggregate,", f"lambda r: {{'combined_score': {value}}},"))
    assert (evaluation.status, evaluation.score) == (Status.INVALID, None)


def test_without_an_aggregate_there_is_no_score(said: Score) -> None:
    """Only times and counts."""
    evaluation = said("experiment_fn_name='run', num_runs=2")
    assert evaluation.status == Status.INVALID
    assert "None" in evaluation.feedback


@pytest.mark.parametrize("method", ["bayesian", "ci", "hybrid", "none"])
def test_runs_end_early_when_it_is_plain(said: Score, method: str) -> None:
    """On which side of the threshold the mean is."""
    pytest.importorskip("scipy")
    program = "def run(seed):\n    return seed * 0.01\n"
    stop = f", early_stop_method={method!r}, early_stop_threshold=50.0"
    evaluation = said(USUAL.replace("num_runs=3", "num_runs=20") + stop, program)
    assert evaluation.metrics["runs"] == {"bayesian": 2, "ci": 3, "hybrid": 3, "none": 20}[method], evaluation.feedback


def test_a_script_may_write_its_files_itself(written: Score) -> None:
    """Any script, for a program in any language."""
    statements = """
program = given["--program_path"]
assert os.path.basename(program) == "initial.sh" and os.getcwd() == os.path.dirname(os.path.abspath(__file__))
import subprocess
size = float(subprocess.check_output(["sh", "-c", "wc -c <" + program]))
write("metrics.json", json.dumps({"combined_score": size}))
write("correct.json", json.dumps({"correct": True, "error": ""}))
"""
    evaluation = written(statements, name="initial.sh")
    assert evaluation.score == len(PROGRAM), evaluation.feedback


GOOD = "write('metrics.json', '{\"combined_score\": 1.5}'); write('correct.json', '{\"correct\": true}')\n"


@pytest.mark.parametrize(
    ("statements", "status", "said"),
    [
        ("pass", Status.FAILED, "without writing metrics.json"),
        ("write('metrics.json', '{}')", Status.FAILED, "without writing correct.json"),
        ("print('looked at it')\n1 / 0", Status.FAILED, "ZeroDivisionError"),
        ("print('looked at it')\n1 / 0", Status.FAILED, "looked at it"),
        ("1 / 0", Status.FAILED, 'Traceback (most recent call last):\n  File "evaluator/evaluate.py", line 8'),
        (GOOD + "write('metrics.json', '{')", Status.FAILED, "metrics.json cannot be read"),
        (GOOD + "write('metrics.json', '[' * 100_000)", Status.FAILED, "metrics.json cannot be read"),
        (GOOD + "write('metrics.json', '[1]')", Status.FAILED, "metrics.json holds no JSON object"),
        (GOOD + "write('metrics.json', '{}')", Status.INVALID, "None"),
        (GOOD + "write('metrics.json', '{\"combined_score\": true}')", Status.INVALID, "True"),
        (GOOD + "write('metrics.json', '{\"combined_score\": NaN}')", Status.INVALID, "nan"),
        (GOOD + "write('correct.json', '{}')", Status.FAILED, "not correct: no error given"),
        (GOOD + "write('correct.json', '{\"correct\": 1}')", Status.FAILED, "not correct"),
        (GOOD + "write('correct.json', '{\"error\": \"bad\"}')", Status.FAILED, "not correct: bad"),
        (
            GOOD + "import time; time.sleep(600)",
            Status.TIMEOUT,
            "evaluate.py: stopped after 2 s, the time in shinka.yaml",
        ),
        (GOOD + "os._exit(0)", Status.FAILED, "evaluate.py"),
    ],
)
def test_what_is_no_score_has_none(written: Score, statements: str, status: Status, said: str) -> None:
    """The tool makes zeros of some of these; here a fault is never a score."""
    seconds = "00:00:02" if status is Status.TIMEOUT else "00:05:00"
    evaluation = written(statements, config=f"job_config: {{time: '{seconds}'}}")
    assert (evaluation.status, evaluation.score) == (status, None)
    assert said in evaluation.feedback


@pytest.mark.parametrize("end", ["1 / 0", "sys.exit(3)"])
def test_what_was_written_before_an_error_counts(written: Score, end: str) -> None:
    """As in the tool; the feedback tells of the error."""
    evaluation = written(GOOD + end)
    assert (evaluation.status, evaluation.score) == (Status.OK, 1.5)
    assert ("division by zero" in evaluation.feedback) != ("exit code 3" in evaluation.feedback)


def test_hostile_programs_harm_none_but_themselves(folder: Folder, scores_as: Scores, sandbox: Sandbox) -> None:
    """Each has a status, and the next program in the same session is scored by the evaluator as it was."""
    hostile = {
        "exit": ("import os\nos._exit(0)\n", Status.FAILED),
        "quit": ("import sys\ndef run(seed):\n    sys.exit('bye')\n", Status.FAILED),
        "loop": ("def run(seed):\n    while True:\n        pass\n", Status.TIMEOUT),
        "evaluator": ("import pathlib\npathlib.Path('evaluate.py').write_text('x')\n1 / 0\n", Status.FAILED),
        "results": (
            "import os, shutil\nshutil.rmtree('../results')\nos.mkdir('../results', 0)\n1 / 0\n",
            Status.FAILED,
        ),
        "much": ("print('x' * 10_000_000)\n1 / 0\n", Status.FAILED),
        "forks": ("import os, time\nif os.fork() == 0:\n    time.sleep(600)\n1 / 0\n", Status.FAILED),
        "text": ("def run(seed):\n    return 'much'\n", Status.FAILED),
    }
    evaluator = FUNCTIONS + MAIN % USUAL
    place = folder({"evaluate.py": evaluator, "initial.py": PROGRAM, "shinka.yaml": "job_config: {time: '00:00:06'}"})
    evaluations = scores_as(
        "shinka", place, [text for bad, _ in hostile.values() for text in (bad, None)], sandbox=sandbox
    )
    found = dict(zip(hostile, evaluations[::2], strict=True))
    assert {name: found[name].status for name in hostile} == {name: status for name, (_, status) in hostile.items()}
    assert all(each.score is None and each.feedback for each in found.values())
    assert [each.score for each in evaluations[1::2]] == [12.0] * len(hostile)
