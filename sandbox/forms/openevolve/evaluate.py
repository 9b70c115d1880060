"""Asks an OpenEvolve evaluator for a program's score: stages in order, thresholds, attempts, what all of it adds up to.

The evaluator itself runs with the candidate, in driver.py. What it said is judged here.
"""

import json
import math
import re

with open("settings.json", encoding="utf-8") as file:
    SETTINGS = json.load(file)

DRIVER = "evolve_form.driver"
STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")
FORGED = "the program answered in the evaluator's place"
FRAME = re.compile(r' *File "evolve_form/.*\n(?:    .*\n)*')
LONG = 4_000  # characters of one artifact in the feedback


class Raised(Exception):
    """The evaluator raised, and may be asked once more."""


def evaluate(program, seed):
    """The score and everything said beside it. Raises `program.Error` as the evaluator's process ends."""
    for attempt in range(SETTINGS["max_retries"] + 1):
        try:
            return _attempt(program, SETTINGS["seed"] + seed, attempt == SETTINGS["max_retries"])
        except Raised:
            pass
    raise AssertionError


def _attempt(program, seed, last):
    functions = _ask(program, "importing it", list, "prepare", SETTINGS["entry"], seed)
    cascade = SETTINGS["cascade"] and STAGES[0] in functions
    if not cascade and "evaluate" not in functions:
        raise program.Error(f"{SETTINGS['entry']} has no function evaluate(program_path)", "failed")
    merged, artifacts, told = {}, {}, []
    for place, stage in enumerate(STAGES if cascade else ("evaluate",)):
        if stage not in functions:
            break
        metrics = _stage(program, stage, last, artifacts, told)
        # a flag for what went wrong in one stage says nothing of both together
        merged = {key: value for key, value in {**merged, **metrics}.items() if key != "error"} if place else metrics
        if cascade and place < len(STAGES) - 1 and not _goes_on(stage, place, merged, told):
            break
    return _judged(program, merged, artifacts, told)


def _stage(program, stage, last, artifacts, told):
    """The metrics of one stage; adds to the artifacts and to what is told."""
    answer = _ask(program, stage, dict, "stage", stage, SETTINGS["program"], SETTINGS["path"], last)
    if answer.get("raised"):
        raise Raised
    if "wrong" in answer:
        raise program.Error(
            f"{stage} returned {str(answer['wrong'])[:200]}: it has to be a dict of metrics or an EvaluationResult",
            "failed",
        )
    metrics = answer.get("metrics")
    if not isinstance(metrics, dict):
        raise program.Error(f"{stage}: {FORGED}", "failed")
    told += [f"{name}: {value}" for name, value in metrics.items() if isinstance(value, str) and value]
    if isinstance(found := answer.get("artifacts"), dict):
        artifacts.update(found)
    return metrics


def _ask(program, what, kind, function, *arguments):
    """What the driver answers, a `kind`; its failures are told as those of the evaluator."""
    try:
        answer = program.call(f"{DRIVER}:{function}", *arguments, timeout=SETTINGS["timeout"])
    except program.Error as error:
        text = FRAME.sub("", str(error).replace(f"{DRIVER}:{function}", what))
        text = text.replace("the timeout that evaluate() gave", SETTINGS["told"])
        if function == "prepare" and error.kind == "failed":
            text = f"{SETTINGS['entry']} cannot be imported in the sandbox: {text}"
        raise program.Error(text, error.kind, error.output) from None
    if not isinstance(answer, kind):
        raise program.Error(f"{what}: {FORGED}", "failed")
    return answer


def _goes_on(stage, place, metrics, told):
    """Whether the next stage is due: there is none without a threshold, but for the second."""
    thresholds = SETTINGS["thresholds"]
    if place >= len(thresholds):
        return place == 0
    score = metrics.get("combined_score")
    if not _is_number(score, flags=True):
        found = [value for name, value in metrics.items() if name != "error" and _is_number(value, flags=True)]
        score = sum(found) / len(found) if found else None
    if score is not None and score >= thresholds[place]:
        return True
    shown = "no score" if score is None else f"its score {score:g}"
    told.append(f"{stage}: {shown} is below the threshold {thresholds[place]:g}, so no later stage ran")
    return False


def _judged(program, metrics, artifacts, told):
    features = {name: metrics[name] for name in SETTINGS["features"] if _is_number(metrics.get(name))}
    result = {
        "metrics": {name: value for name, value in metrics.items() if name != "combined_score"},
        "measures": features,
        "artifacts": {},
    }
    if SETTINGS["artifacts"]:
        result["artifacts"] = {
            name: value if isinstance(value, bytes) else _text(value) for name, value in artifacts.items()
        }
        told += [f"{name}: {_text(value)[:LONG]}" for name, value in artifacts.items() if not isinstance(value, bytes)]
    result["feedback"] = "\n".join(told)[: SETTINGS["feedback"]]
    if "combined_score" in metrics:
        return {**result, "score": metrics["combined_score"]}
    numbers = {name: value for name, value in metrics.items() if _is_number(value)}
    if set(numbers) == {"error"}:
        raise program.Error(f"the evaluator reported an error\n{result['feedback']}".strip(), "failed")
    chosen = {name: value for name, value in numbers.items() if name not in SETTINGS["features"]} or numbers
    if not chosen:
        wrong = f"no combined_score, and no number to take the mean of, in the metrics {sorted(metrics)}"
        return {**result, "score": None, "feedback": f"{wrong}\n{result['feedback']}".strip()}
    return {**result, "score": sum(chosen.values()) / len(chosen)}


def _is_number(value, *, flags=False):
    if isinstance(value, bool):
        return flags
    return isinstance(value, int | float) and not math.isnan(value)


def _text(value):
    return value if isinstance(value, str) else json.dumps(value, default=repr)
