"""Asks a ShinkaEvolve evaluator for a program's score: what it wrote into metrics.json and correct.json.

The evaluator itself runs with the candidate, in driver.py. What it wrote is judged here.
"""

import json
import math
import re

with open("settings.json", encoding="utf-8") as file:
    SETTINGS = json.load(file)

RUN = "evolve_form.driver:run"
FORGED = "the program answered in the evaluator's place"
FRAME = re.compile(r' *File "evolve_form/.*\n(?:    .*\n)*')
OURS = ("combined_score", "public", "private", "text_feedback")


def evaluate(program, seed):
    """The score and everything said beside it. Raises `program.Error` for a program that is not correct."""
    entry = SETTINGS["entry"]
    try:
        answer = program.call(
            RUN, entry, SETTINGS["program"], SETTINGS["path"], SETTINGS["seed"] + seed, timeout=SETTINGS["timeout"]
        )
    except program.Error as error:
        text = FRAME.sub("", str(error).replace(RUN, entry))
        text = text.replace("the timeout that evaluate() gave", SETTINGS["told"])
        raise program.Error(text, error.kind, error.output) from None
    if not isinstance(answer, dict):
        raise program.Error(f"{entry}: {FORGED}", "failed")
    metrics = _read(program, answer, "metrics")
    correct = _read(program, answer, "correct")
    feedback = "\n".join(filter(None, (_text(metrics.get("text_feedback")), answer.get("ended"))))
    score = metrics.get("combined_score")
    # what is no number is told as such, whatever correct.json says of it
    if correct.get("correct") is not True and not (isinstance(score, float) and not math.isfinite(score)):
        raise program.Error(f"not correct: {_text(correct.get('error')) or 'no error given'}\n{feedback}", "failed")
    return {
        "score": score,
        "metrics": {**_figures(metrics), **_public(metrics)},
        "feedback": feedback,
        "artifacts": _artifacts(metrics, answer.get("files")),
    }


def _read(program, answer, key):
    """The object in one of the two files."""
    try:
        value = json.loads(answer[key])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise program.Error(f"{key}.json cannot be read: {error}", "failed") from None
    if not isinstance(value, dict):
        raise program.Error(f"{key}.json holds no JSON object", "failed")
    return value


def _public(metrics):
    public = metrics.get("public")
    return public if isinstance(public, dict) else {}


def _figures(metrics):
    """Numbers that stand beside those that are public or private by name, such as times and counts of runs."""
    return {name: value for name, value in metrics.items() if name not in OURS and isinstance(value, int | float)}


def _artifacts(metrics, files):
    """What people may see, and no proposer: everything here is below `private/`."""
    kept = {f"private/{name}": content for name, content in (files.items() if isinstance(files, dict) else ())}
    return {"private/metrics.json": json.dumps(metrics, indent=2), **kept}


def _text(value):
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
