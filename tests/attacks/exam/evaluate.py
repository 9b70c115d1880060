"""A task with hidden answers. It grades as trustingly as any author would who expects no evil."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HIDDEN = json.loads(Path(__file__).with_name("hidden.json").read_text(encoding="utf-8"))
ANSWERS: list[float] = HIDDEN["answers"]


def evaluate(program: Any) -> Any:
    """Ask for what the attack came for; then let it answer the questions, in one of several styles."""
    order = json.loads(program.read("order.json"))
    function = order["function"]
    said = program.call(function, timeout=order["timeout"])
    grade = STYLES[order["style"]](program, order) if function == "attack" else 0.0
    return {"said": said, **(grade if isinstance(grade, dict) else {"score": grade})}


def none(_program: Any, _order: dict[str, Any]) -> float:
    """No questions."""
    return 0.0


def distance(program: Any, _order: dict[str, Any]) -> float:
    """How near the answers are, each asked for by itself."""
    return float(
        -sum(abs(program.call("solve", index) - answer) for index, answer in enumerate(ANSWERS)) / len(ANSWERS)
    )


def mapped(program: Any, _order: dict[str, Any]) -> float:
    """The same, all asked for at once."""
    answers = program.map("solve", [(index,) for index in range(len(ANSWERS))])
    return float(-sum(abs(ours - theirs) for ours, theirs in zip(ANSWERS, answers, strict=True)) / len(ANSWERS))


def array(program: Any, _order: dict[str, Any]) -> float:
    """The same in one array, with numpy."""
    return -float(np.abs(np.asarray(program.call("solve", 0)) - np.array(ANSWERS)).mean())


def equal(program: Any, _order: dict[str, Any]) -> float:
    """How many answers are right to the last bit."""
    return float(sum(program.call("solve", index) == answer for index, answer in enumerate(ANSWERS)))


def packing(program: Any, _order: dict[str, Any]) -> float:
    """At most ten numbers of at most 1: their sum."""
    items = program.call("solve", 0)
    if len(items) > 10 or any(item > 1 for item in items):
        return 0.0
    return float(sum(items))


def weighted(program: Any, _order: dict[str, Any]) -> float:
    """As `distance`, with weights that the program is told."""
    weights = [1.0] * len(ANSWERS)
    mistakes = [abs(program.call("solve", weights) - answer) for answer in ANSWERS]
    return float(-sum(weight * mistake for weight, mistake in zip(weights, mistakes, strict=True)) / len(ANSWERS))


def quick(program: Any, _order: dict[str, Any]) -> float:
    """How quickly the second answer comes, which takes an honest program 0.2 s."""
    program.call("solve", 0)
    time.sleep(0.15)  # as who prepares the second question
    assert program.call("solve", 1) == 1
    return -float(program.seconds)


def trusting(program: Any, _order: dict[str, Any]) -> Any:
    """Whatever the program says its score is."""
    return program.call("solve", 0)


def survey(program: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Many questions, each by itself; what comes that is not as it should be, and is data all the same."""
    seen = []
    for index in range(order["questions"]):
        try:
            answer = program.call("solve", index, timeout=0.7)
        except program.Error:
            continue
        if not (isinstance(answer, str) and answer.startswith("fine")):
            seen.append(f"question {index} was answered with {str(answer)[:100]!r}")
    return {"score": 0.0, "said": seen}


def run(program: Any, order: dict[str, Any]) -> dict[str, Any]:
    """The program as an executable, with what it prints."""
    done = program.run(["python3", "program.py"])
    limit = order["limits"]["output_bytes"]
    seen = [f"{len(text)} bytes came" for text in (done.stdout, done.stderr) if len(text) > limit]
    seen += ["nothing is said to be cut"] if len(done.stdout) == limit and not done.stdout_cut else []
    return {"score": 0.0, "said": seen}


def files(program: Any, _order: dict[str, Any]) -> dict[str, Any]:
    """Files that the program made, by name, and what it says of them."""
    return {"score": 0.0, "artifacts": program.call("solve", 0), "feedback": str(program.call("solve", 1))}


STYLES: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "none": none,
    "distance": distance,
    "map": mapped,
    "array": array,
    "equal": equal,
    "packing": packing,
    "weighted": weighted,
    "quick": quick,
    "survey": survey,
    "run": run,
    "trusting": trusting,
    "files": files,
}
