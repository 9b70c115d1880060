"""OpenEvolve's task folders: how their evaluators are asked, and what comes of what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve.types import Evaluation, Sandbox, Status

Score: TypeAlias = Callable[..., Evaluation]
Scores: TypeAlias = Callable[..., list[Evaluation]]
Folder: TypeAlias = Callable[[dict[str, str]], Path]

PROGRAM = "# EVOLVE-BLOCK-START\ndef f():\n    return 2\n# EVOLVE-BLOCK-END\n"
LOAD = """
import importlib.util
def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""
SIMPLE = LOAD + "def evaluate(program_path):\n    return {'combined_score': load(program_path).f()}\n"
RESULT = (
    LOAD
    + """
from openevolve.evaluation_result import EvaluationResult
def evaluate(program_path):
    value = load(program_path).f()
    return EvaluationResult(
        metrics={"combined_score": value, "note": "fine", "none": None, "deep": {"a": [1, {2}]}, "flag": True},
        artifacts={"log.txt": "what happened", "raw": b"\\0", "table": {"x": 1}},
    )
"""
)
STAGES = (
    LOAD
    + """
def evaluate_stage1(program_path):
    return {"combined_score": load(program_path).f(), "first": 1.0, "error": 0.0}
def evaluate_stage2(program_path):
    return {"combined_score": load(program_path).f() * 10, "second": 2.0}
def evaluate_stage3(program_path):
    return {"combined_score": load(program_path).f() * 100}
def evaluate(program_path):
    raise AssertionError("the stages come instead")
"""
)


@pytest.fixture
def score(folder: Folder, scores_as: Scores) -> Score:
    """`score(evaluator, program=, config=, name=, seed=)`: what this evaluator.py says of a program."""

    def once(
        evaluator: str,
        program: str | None = None,
        config: str = "",
        name: str = "initial_program.py",
        seed: int = 0,
    ) -> Evaluation:
        place = folder({"evaluator.py": evaluator, name: PROGRAM, "config.yaml": config})
        return scores_as("openevolve", place, [program], seed=seed)[0]

    return once


def test_the_combined_score_is_the_score(score: Score) -> None:
    """Of a dict."""
    evaluation = score(SIMPLE)
    assert (evaluation.status, evaluation.score, evaluation.metrics) == (Status.OK, 2.0, {})


def test_a_result_may_have_artifacts(score: Score) -> None:
    """They are kept as files, and the text among them is feedback; metrics may be text, nothing or nested."""
    evaluation = score(RESULT)
    assert evaluation.score == 2.0
    assert evaluation.metrics == {"note": "fine", "none": None, "deep": {"a": [1, [2]]}, "flag": True}
    assert evaluation.artifacts == {"log.txt": b"what happened", "raw": b"\0", "table": b'{"x": 1}'}
    assert evaluation.feedback == 'note: fine\nlog.txt: what happened\ntable: {"x": 1}'


def test_artifacts_can_be_turned_off(score: Score) -> None:
    """As in the tool."""
    evaluation = score(RESULT, config="evaluator: {enable_artifacts: false}")
    assert (evaluation.artifacts, evaluation.feedback) == ({}, "note: fine")


def test_without_a_combined_score_it_is_the_mean(score: Score) -> None:
    """Of what is a number: not of flags, text or NaN, and not of the dimensions that programs are told apart by."""
    evaluator = (
        "def evaluate(path):\n    return {'a': 1, 'b': 2.0, 'ok': True, 'why': 'x', 'bad': float('nan'), 'size': 70}"
    )
    evaluation = score(evaluator, config="database: {feature_dimensions: [size, complexity]}")
    assert evaluation.score == 1.5
    assert evaluation.measures == {"size": 70.0}
    assert score(evaluator).score == pytest.approx(73 / 3)


def test_with_nothing_but_dimensions_their_mean_counts(score: Score) -> None:
    """As in the tool."""
    evaluator = "def evaluate(path):\n    return {'complexity': 3, 'diversity': 5}"
    assert score(evaluator).score == 4.0


@pytest.mark.parametrize(
    ("value", "reached", "ran"),
    [
        (0.4, 0.4, "evaluate_stage1: its score 0.4 is below the threshold 0.5, so no later stage ran"),
        (0.06, 0.06, "evaluate_stage1"),
        (0.7, 70.0, ""),
        (0.5, 50.0, ""),
    ],
)
def test_stages_come_in_order(score: Score, value: float, reached: float, ran: str) -> None:
    """A program that falls short of a threshold keeps the score it has by then, and the feedback says so."""
    evaluation = score(STAGES, f"def f():\n    return {value}\n")
    assert evaluation.status == Status.OK
    assert evaluation.score == pytest.approx(reached)
    assert ran in evaluation.feedback
    assert ("second" in evaluation.metrics) == (reached > 1)


def test_metrics_of_stages_are_merged(score: Score) -> None:
    """The later ones win; an error of one stage is none of both."""
    evaluation = score(STAGES)
    assert (evaluation.score, evaluation.metrics) == (200.0, {"first": 1.0, "second": 2.0})


def test_thresholds_are_the_configuration_s(score: Score) -> None:
    """The third stage needs a second threshold; without one it does not run."""
    thresholds = "evaluator: {cascade_thresholds: %s}"
    assert score(STAGES, config=thresholds % "[2.5]").score == 2.0
    assert score(STAGES, config=thresholds % "[1.5]").score == 20.0
    assert score(STAGES, config=thresholds % "[1.5, 25]").score == 20.0
    assert score(STAGES, config=thresholds % "[1.5, 15]").score == 200.0


def test_a_threshold_without_a_combined_score_is_for_the_mean(score: Score) -> None:
    """Of all but the error; a program without any number goes no further."""
    stages = "def evaluate_stage1(path):\n    return %s\ndef evaluate_stage2(path):\n    return {'combined_score': 9}\n"
    stages += "def evaluate(path):\n    return {'combined_score': 7}\n"
    assert score(stages % "{'a': 0.6, 'error': 0.0}").score == 9.0
    assert score(stages % "{'a': 0.4}").score == 0.4
    assert score(stages % "{'why': 'no'}").status == Status.INVALID


def test_without_a_first_stage_evaluate_is_asked(score: Score) -> None:
    """So it is when the cascade is turned off."""
    assert score(SIMPLE.replace("def evaluate(", "def evaluate_stage2(path): 1/0\ndef evaluate(")).score == 2.0
    assert "the stages come instead" in score(STAGES, config="evaluator: {cascade_evaluation: false}").feedback


def test_a_coroutine_is_awaited(score: Score) -> None:
    """Some evaluators are written so."""
    assert score(SIMPLE.replace("def evaluate", "async def evaluate")).score == 2.0


def test_a_timeout_is_one_stage_s(score: Score) -> None:
    """It ends the evaluation, whatever the stages before it said, and names the key."""
    slow = STAGES.replace(
        "def evaluate_stage2(program_path):\n", "def evaluate_stage2(program_path):\n    import time; time.sleep(600)\n"
    )
    evaluation = score(slow, config="evaluator: {timeout: 6}")
    assert (evaluation.status, evaluation.score) == (Status.TIMEOUT, None)
    assert "evaluate_stage2" in evaluation.feedback
    assert "6 s, evaluator.timeout in config.yaml" in evaluation.feedback


def test_exceptions_are_tried_again(score: Score) -> None:
    """As often as max_retries says; then the traceback is the feedback, with what was printed."""
    counting = """
tries = []
def evaluate(path):
    tries.append(1)
    print("try", len(tries))
    if len(tries) < 3:
        raise OSError("not yet")
    return {"combined_score": len(tries)}
"""
    assert score(counting, config="evaluator: {max_retries: 2}").score == 3.0
    evaluation = score(counting, config="evaluator: {max_retries: 1}")
    assert evaluation.status == Status.FAILED
    assert evaluation.feedback.startswith(
        'Traceback (most recent call last):\n  File "evaluator/evaluator.py", line 7, in'
    )
    assert "OSError: not yet" in evaluation.feedback
    assert "try 2" in evaluation.feedback
    assert "try 3" not in evaluation.feedback


def test_an_exit_is_not_tried_again(score: Score) -> None:
    """Nor is anything else that is no exception of the evaluator's."""
    evaluation = score(SIMPLE, "import sys\nprint('once')\nsys.exit(0)\n")
    assert evaluation.status == Status.FAILED
    assert evaluation.feedback.count("once") == 1
    assert "SystemExit" in evaluation.feedback


@pytest.mark.parametrize(
    ("returned", "status", "said"),
    [
        ("None", Status.FAILED, "evaluate returned None: it has to be a dict of metrics"),
        ("[1]", Status.FAILED, "evaluate returned [1]"),
        ("0.5", Status.FAILED, "evaluate returned 0.5"),
        ("{}", Status.INVALID, "no combined_score"),
        ("{'error': 0.0}", Status.FAILED, "reported an error"),
        ("{'error': 0.0, 'timeout': True}", Status.FAILED, "reported an error"),
        ("{'why': 'lost'}", Status.INVALID, "why: lost"),
        ("{'combined_score': float('nan')}", Status.INVALID, "nan"),
        ("{'combined_score': float('inf')}", Status.INVALID, "inf"),
        ("{'combined_score': True}", Status.INVALID, "True"),
        ("{'combined_score': '0.5', 'a': 3}", Status.INVALID, "'0.5'"),
        ("{'combined_score': None, 'a': 3}", Status.INVALID, "None"),
        ("{'combined_score': {}, 'a': 3}", Status.INVALID, "{}"),
        ("{'combined_score': 10**400}", Status.INVALID, "1000"),
    ],
)
def test_what_is_no_score_has_none(score: Score, returned: str, status: Status, said: str) -> None:
    """The tool makes zeros of some of these; here a fault is never a score."""
    evaluation = score(f"def evaluate(path):\n    return {returned}\n")
    assert (evaluation.status, evaluation.score) == (status, None)
    assert said in evaluation.feedback


def test_zeros_of_an_evaluator_s_own_are_scores(score: Score) -> None:
    """It has caught the exception, and says what a program that fails is worth."""
    evaluator = "def evaluate(path):\n    return {'combined_score': 0.0, 'error': 'no run_search'}"
    evaluation = score(evaluator)
    assert (evaluation.score, evaluation.feedback) == (0.0, "error: no run_search")


def test_what_the_folder_holds_is_there(folder: Folder, scores_as: Scores) -> None:
    """Its file, the modules and data beside it, its folder as the current one, and a program that can be imported by
    name; processes that it starts find the shim."""
    looks = """
import os, subprocess, sys
import helper
from pathlib import Path
def evaluate(program_path):
    folder = Path(__file__).parent
    assert Path.cwd() == folder == Path(helper.__file__).parent
    assert sys.modules["evaluation_module"].evaluate is evaluate
    assert (folder / "data" / "points.txt").read_text() == "1 2 3"
    assert not (folder / Path(program_path).name).exists(), "the program to start from is no part of the evaluator"
    sys.path.insert(0, os.path.dirname(program_path))
    program = __import__(Path(program_path).stem)
    ask = "import openevolve.evaluation_result as e; print(e.EvaluationResult({}).has_artifacts())"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout == "False\\n"
    return {"combined_score": program.f() + helper.MORE}
"""
    files = {"evaluator.py": looks, "helper.py": "MORE = 40", "data/points.txt": "1 2 3", "initial_program.py": PROGRAM}
    (evaluation,) = scores_as("openevolve", folder(files), [None])
    assert (evaluation.score, evaluation.feedback) == (42.0, "")


@pytest.mark.parametrize(
    ("name", "config", "path"),
    [
        ("initial_program.py", "", "initial_program.py"),
        ("initial_program.rs", "", "initial_program.rs"),
        ("initial_program.txt", "file_suffix: .r", "initial_program.r"),
        ("initial_program.py", "file_suffix: .py", "initial_program.py"),
        ("initial-prompt 2.txt", "", "initial_prompt_2.txt"),
    ],
)
def test_a_program_s_path_is_an_identifier(score: Score, name: str, config: str, path: str) -> None:
    """With the suffix that the configuration names, else its own."""
    evaluator = f"import os\ndef evaluate(p):\n    assert os.path.basename(p) == {path!r}, p\n"
    evaluation = score(evaluator + "    return {'a': len(open(p).read())}\n", config=config, name=name)
    assert evaluation.score == len(PROGRAM), evaluation.feedback


def test_an_evaluator_that_cannot_be_imported_says_why(score: Score) -> None:
    """Before a line of the program has run."""
    evaluation = score("import nowhere_to_be_found\ndef evaluate(path): ...\n", "print('ran')")
    assert evaluation.status == Status.FAILED
    assert evaluation.feedback.startswith("evaluator.py cannot be imported in the sandbox: ")
    assert "No module named 'nowhere_to_be_found'" in evaluation.feedback
    assert "ran" not in evaluation.feedback.split()
    assert "has no function evaluate(program_path)" in score("x = 1\n").feedback


def test_random_numbers_are_the_same_for_every_program(score: Score) -> None:
    """And others for another repeat, and with another random_seed."""
    draws = """
import random
import numpy as np
def evaluate(path):
    return {"a": random.random(), "b": float(np.random.uniform())}
"""
    first = score(draws).metrics
    assert score(draws, PROGRAM + "# other").metrics == first
    assert score(draws, seed=1).metrics != first
    assert score(draws, config="random_seed: 7").metrics == score(draws, seed=7).metrics
    assert first["a"] != first["b"]


def test_objects_of_any_kind_are_told_as_text(score: Score) -> None:
    """And what raises when it is looked at spoils nothing."""
    evaluator = """
import numpy as np
class Odd:
    def __repr__(self):
        raise ValueError
def evaluate(path):
    loop = []
    loop.append(loop)
    metrics = {"combined_score": np.float32(0.5), "odd": Odd(), "flag": np.bool_(True), "many": np.arange(3)}
    return {**metrics, "path": np, 7: "seven", "loop": loop}
"""
    evaluation = score(evaluator)
    assert evaluation.score == 0.5
    metrics = dict(evaluation.metrics)
    assert (metrics["odd"], metrics["flag"], metrics["many"]) == ("an object of type 'Odd'", True, [0, 1, 2])
    assert metrics["7"] == "seven"


HOSTILE = {
    "exit": ("import os\nos._exit(0)\n", Status.FAILED),
    "quit": ("import sys\ndef f():\n    sys.exit('bye')\n", Status.FAILED),
    "loop": ("def f():\n    while True:\n        pass\n", Status.TIMEOUT),
    "loop at once": ("while True:\n    pass\n", Status.TIMEOUT),
    "syntax": ("def f(:\n", Status.FAILED),
    "no function": ("g = 1\n", Status.FAILED),
    "evaluator": ("import pathlib\npathlib.Path('evaluator.py').write_text('x')\n1 / 0\n", Status.FAILED),
    "modules": ("import sys, os\nsys.modules.clear()\nos.listdir = None\n1 / 0\n", Status.FAILED),
    "much": ("print('x' * 10_000_000)\n1 / 0\n", Status.FAILED),
    "children": ("import subprocess\nsubprocess.Popen(['sleep', '600'])\n1 / 0\n", Status.FAILED),
    "forks": ("import os, time\nif os.fork() == 0:\n    time.sleep(600)\n1 / 0\n", Status.FAILED),
    "a list": ("def f():\n    return [1, 2]\n", Status.INVALID),
    "channel": ("import os\nos.write(3, b'x' * 1000)\n1 / 0\n", Status.OUTPUT),
}


def test_hostile_programs_harm_none_but_themselves(folder: Folder, scores_as: Scores, sandbox: Sandbox) -> None:
    """Each has a status, and the next program in the same session is scored by the evaluator as it was."""
    config = "evaluator: {timeout: 6, max_retries: 0}"
    place = folder({"evaluator.py": SIMPLE, "initial_program.py": PROGRAM, "config.yaml": config})
    texts = [text for hostile, _ in HOSTILE.values() for text in (hostile, None)]
    evaluations = scores_as("openevolve", place, texts, sandbox=sandbox)
    found = dict(zip(HOSTILE, evaluations[::2], strict=True))
    assert {name: found[name].status for name in HOSTILE} == {name: status for name, (_, status) in HOSTILE.items()}
    assert all(each.score is None and each.feedback for each in found.values())
    assert [each.score for each in evaluations[1::2]] == [2.0] * len(HOSTILE)


def test_an_answer_in_the_evaluator_s_place_is_no_mistake_of_ours(score: Score) -> None:
    """Such a program can forge its score, which is why the form says so; it cannot confuse who judges."""
    forged = "import evolve_form.driver as d\nd.stage = lambda *_: 'all is well'\nraise ValueError\n"
    evaluation = score(SIMPLE, forged, config="evaluator: {max_retries: 1}")
    assert evaluation.status == Status.FAILED
    assert "the program answered in the evaluator's place" in evaluation.feedback


def test_nothing_of_an_evaluation_stays(folder: Folder, scores_as: Scores) -> None:
    """The task's folder is as it was, and the next evaluation does not see what one has left."""
    leaves = (
        LOAD
        + """
import os
def evaluate(path):
    assert not os.path.exists("left")
    open("left", "w").close()
    return {"combined_score": load(path).f()}
"""
    )
    place = folder({"evaluator.py": leaves, "initial_program.py": PROGRAM})
    before = sorted(path.name for path in place.rglob("*"))
    assert [each.score for each in scores_as("openevolve", place, [PROGRAM, PROGRAM + "#", PROGRAM])] == [2.0] * 3
    assert sorted(path.name for path in place.rglob("*")) == before
