"""The tasks that `evolve init` makes, to be changed into one's own. Each works at once, where its tool is."""

from __future__ import annotations

import re
from collections.abc import Callable

from evolve.folders import read_folder
from evolve.resources import bundled

__all__ = ["TEMPLATES", "TOOLS", "files"]

TOOLS = {"cpp": "g++", "rust": "cargo", "javascript": "node"}
"""What templates need where programs run, beside Python."""

_EXAMPLES = {
    "package": "flow_shop",
    "cpp": "matrix_product",
    "rust": "prime_sieve",
    "javascript": "tour",
    "prompt": "review_prompt",
}
"""Templates that are bundled tasks, by the name of the task."""

_TASK = '''\
# A task: where the search starts, what scores a program, and how long to search.

[task]
name = "{name}"
description = """
Approximate sin(x) for x between 0 and 3 without calling it. The score is minus the mean error: higher is better.
"""
seed = "seed"             # the folder of the program that the search starts from
direction = "maximize"    # or "minimize", of the score

[evaluator]
file = "evaluate.py"
timeout = 10.0            # seconds for one evaluation
call_timeout = 2.0        # seconds for one call of the candidate

[limits]                  # of one candidate
memory_mb = 256

[search]
trials = 300
seconds = 60
'''

_EVALUATE = '''\
"""Scores a program. This file runs apart from the candidate, which it reaches through `program` alone."""

import math

# The search is steered by one set of instances; the best program is then scored on the other, which it never saw.
POINTS = {
    "search": [3 * k / 20 for k in range(21)],
    "held_out": [3 * (k + 0.5) / 20 for k in range(20)],
}


def evaluate(program, split="search"):
    """Minus the mean error of the candidate's `predict`; what it returns is plain data."""
    points = POINTS[split]
    answers = program.map("predict", [[x] for x in points])
    errors = [abs(answer - math.sin(x)) for x, answer in zip(points, answers)]
    worst = max(range(len(points)), key=errors.__getitem__)
    return {
        "score": -sum(errors) / len(errors),
        "metrics": {"largest_error": errors[worst]},
        "feedback": f"the largest error, {errors[worst]:.4f}, is at x = {points[worst]:.2f}",
    }
'''

_PROGRAM = '''\
"""An approximation of the sine. Only what is between the markers changes."""


# EVOLVE-BLOCK-START
def predict(x):
    """About sin(x), for x between 0 and 3."""
    if x < 1.0:
        return 0.6 * x
    if x < 2.0:
        return 0.8
    return 0.4


# EVOLVE-BLOCK-END
'''

_STAGES = '''\
"""Scores a program in stages, cheap ones first: what falls short of a threshold is spared the rest."""

import math

from evolve.evaluator import stage


@stage(threshold=-0.5)
def rough(program):
    """A look at three points. Below the threshold the evaluation ends, and the trial has no score."""
    return score(program, [0.5, 1.5, 2.5])


@stage(threshold=-0.4)
def closer(program):
    """A few more."""
    return score(program, [3 * k / 10 for k in range(11)])


def evaluate(program, split="search"):
    """The last stage: its score is the program's, and those of the others are metrics."""
    return score(program, [3 * (k + (split == "held_out") / 2) / 200 for k in range(200)])


def score(program, points):
    answers = program.map("predict", [[x] for x in points])
    return -sum(abs(answer - math.sin(x)) for x, answer in zip(points, answers)) / len(points)
'''

_INSTANCES = '''\
"""Scores a program on several instances: the score is their mean, and the feedback names the worst."""

import math

WIDTH = 0.5


def instances(split):
    """What is given to `evaluate`, by name: here intervals. Those that are held out steer nothing."""
    shift = WIDTH / 2 if split == "held_out" else 0.0
    return {f"from {low + shift:g}": low + shift for low in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)}


def evaluate(program, instance):
    """Minus the mean error in one interval. What is no score, such as `largest_error`, is a metric."""
    points = [instance + WIDTH * k / 20 for k in range(20)]
    answers = program.map("predict", [[x] for x in points])
    errors = [abs(answer - math.sin(x)) for x, answer in zip(points, answers)]
    return {"score": -sum(errors) / len(errors), "largest_error": max(errors)}
'''

_SCORE = '''\
"""Scores the program whose path is the last argument: prints a number, or a JSON object, on its last line."""

import json
import math
import runpy
import sys

predict = runpy.run_path(sys.argv[-1])["predict"]
points = [3 * k / 20 for k in range(21)]
errors = [abs(predict(x) - math.sin(x)) for x in points]
print(json.dumps({"score": -sum(errors) / len(errors), "largest_error": max(errors)}))
'''

_OPENEVOLVE = '''\
"""Scores the program at a path, as OpenEvolve's evaluators do."""

import importlib.util
import math


def evaluate(program_path):
    spec = importlib.util.spec_from_file_location("candidate", program_path)
    candidate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(candidate)
    points = [3 * k / 20 for k in range(21)]
    errors = [abs(candidate.predict(x) - math.sin(x)) for x in points]
    return {"combined_score": -sum(errors) / len(errors), "largest_error": max(errors)}
'''

_CONFIG = """\
max_iterations: 300
evaluator:
  timeout: 10
  cascade_evaluation: false
prompt:
  system_message: "Approximate sin(x) for x between 0 and 3 without calling it."
"""

_SHINKA = '''\
"""Scores the program at --program_path and writes what it found to --results_dir, as ShinkaEvolve's evaluators do."""

import argparse
import json
import math
import runpy
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
arguments = parser.parse_args()

predict = runpy.run_path(arguments.program_path)["predict"]
points = [3 * k / 20 for k in range(21)]
errors = [abs(predict(x) - math.sin(x)) for x in points]
results = Path(arguments.results_dir)
results.mkdir(parents=True, exist_ok=True)
metrics = {"combined_score": -sum(errors) / len(errors), "public": {"largest_error": max(errors)}, "private": {}}
(results / "metrics.json").write_text(json.dumps(metrics))
(results / "correct.json").write_text(json.dumps({"correct": True, "error": None}))
'''


def _native(name: str, evaluate: str) -> dict[str, str]:
    return {"task.toml": _TASK.format(name=name), "evaluate.py": evaluate, "seed/program.py": _PROGRAM}


def _command(name: str) -> dict[str, str]:
    settings = _TASK.format(name=name).replace(
        'file = "evaluate.py"\n', 'command = ["python3", "score.py"]    # and the program\'s path at the end\n'
    )
    return {"task.toml": settings, "score.py": _SCORE, "seed/program.py": _PROGRAM}


def _example(name: str, task: str) -> dict[str, str]:
    """A bundled task as one of the user's, with its seed inside."""
    evaluator, seed = read_folder(bundled("evaluators") / task), read_folder(bundled("seeds") / task)
    found = {path: evaluator.text(path) for path in evaluator.files}
    settings = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', found["task.toml"])
    found["task.toml"] = re.sub(r'(?m)^seed = ".*"$', 'seed = "seed"', settings)
    order = ["task.toml", *sorted(found.keys() - {"task.toml"})]
    return {path: found[path] for path in order} | {f"seed/{path}": seed.text(path) for path in seed.files}


_MADE: dict[str, Callable[[str], dict[str, str]]] = {
    "native": lambda name: _native(name, _EVALUATE),
    "stages": lambda name: _native(name, _STAGES),
    "instances": lambda name: _native(name, _INSTANCES),
    "command": _command,
    "openevolve": lambda _: {"config.yaml": _CONFIG, "evaluator.py": _OPENEVOLVE, "initial_program.py": _PROGRAM},
    "shinka": lambda _: {"evaluate.py": _SHINKA, "initial.py": _PROGRAM},
}

TEMPLATES = (*_MADE, *_EXAMPLES)
"""Their names. `openevolve` and `shinka` are forms of tasks too, which other verbs are told with --from."""


def files(template: str, name: str) -> dict[str, str]:
    """Path -> text of a new task called `name`."""
    return _example(name, _EXAMPLES[template]) if template in _EXAMPLES else _MADE[template](name)
