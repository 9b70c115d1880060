"""What a prompt is made of, and in which order its parts give way when it would be too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evolve.proposers._memory import Memory
from evolve.regions import Regions
from evolve.syntax import is_python
from evolve.types import Evaluation, Json, Program, Selection, Trial

__all__ = ["EXAMPLE", "fitting", "judged", "material", "prompt_bytes"]

_FEEDBACK = 6000
_BYTES_PER_TOKEN = 3
"""Fewer than models need for most text, so that the estimate errs on the safe side."""

Values = dict[str, Any]

_PROGRAM: Values = {
    "number": 7,
    "summary": "use a smaller step",
    "status": "ok",
    "score": 0.5,
    "metrics": ["bins 210"],
    "instances": ["u500 0.25"],
    "feedback": "It works.",
    "files": [{"path": "program.py", "text": "x = 1\n", "note": ""}],
}

EXAMPLE: Values = {
    "parent": _PROGRAM,
    "best": _PROGRAM,
    "partner": _PROGRAM,
    "inspirations": [_PROGRAM],
    "attempts": [{"summary": "use a smaller step", "outcome": "score 0.25, worse"}],
    "deleted": ["x = 2"],
    "ideas": ["use a smaller step"],
    "lessons": ["a smaller step is no better"],
    "marked": True,
    "functions": True,
    "paths": ["program.py", "other.py"],
    "number": 8,
    "problem": "there is no change in it",
}
"""All that a prompt can be made of, so that templates are tried before a search depends on them."""


def material(selection: Selection, partner: Trial | None, memory: Memory, regions: Regions) -> Values:
    """All that there is to say of a selection. `partner` is the other parent of a combination.

    Only what evaluations of the search split said is in it, and no artifact.
    """
    parent = selection.parents[0]
    best = memory.best
    paths = [path for path in regions.paths(parent.program) if regions.spans(parent.program, path)]
    return {
        "parent": {**_described(parent), "files": _files(parent.program, regions, whole=True)},
        "best": _other(best, regions) if best is not None and best.number != parent.number else _described(parent),
        "partner": _other(partner, regions) if partner is not None else None,
        "inspirations": [
            _other(other, regions)
            for other in (*selection.parents[1:], *selection.inspirations)
            if other.number not in {parent.number, partner.number if partner else -1, best.number if best else -1}
        ],
        "attempts": memory.attempts(parent.number),
        "deleted": memory.deleted(parent.program, 12),
        "ideas": list(memory.ideas),
        "lessons": [],
        "marked": any(regions.spans(parent.program, path) != [(0, len(parent.program.text(path)))] for path in paths),
        "functions": all(is_python(path) for path in paths),
        "paths": paths,
    }


def prompt_bytes(tokens: int) -> int:
    """How long a prompt of so many tokens may be."""
    return tokens * _BYTES_PER_TOKEN


def fitting(values: Values, regions: Regions, parent: Program, tokens: int, render: Callable[[Values], str]) -> str:
    """The prompt with as much of the material as `tokens` allow; the program itself and the task always stay.

    First to go are inspirations, one by one; then lines that were deleted, earlier ideas, older attempts, the best
    program, metrics, most of the feedback, instances, the partner's frozen text and, last, what of the program may not
    change.
    """
    text = render(values)
    for smaller in _reductions(values, regions, parent):
        if len(text.encode()) <= prompt_bytes(tokens):
            break
        text = render(smaller)
    return text


def _reductions(values: Values, regions: Regions, parent: Program) -> Iterator[Values]:
    values = dict(values)
    while values["inspirations"]:
        values["inspirations"] = values["inspirations"][:-1]
        yield values
    for name, kept in (("deleted", 0), ("ideas", 3), ("attempts", 3)):
        values[name] = values[name][len(values[name]) - kept :] if kept else []
        yield values
    if values["best"]:
        values["best"] = {**values["best"], "files": []}
        yield values
    of_parent = dict(values["parent"])
    values["parent"] = of_parent
    of_parent["metrics"] = []
    yield values
    of_parent["feedback"] = _shortened(of_parent["feedback"], 600)
    yield values
    values["attempts"] = []
    of_parent["instances"] = []
    yield values
    of_parent["files"] = _files(parent, regions, whole=False)
    yield values
    of_parent["feedback"] = ""
    yield values


def judged(evaluation: Evaluation) -> Values:
    """What a proposer hears of an evaluation: nothing measured, and no artifact."""
    return {
        "status": str(evaluation.status),
        "score": evaluation.score,
        "metrics": _numbers(evaluation.metrics)[:20],
        "instances": _weakest(evaluation),
        "feedback": _shortened(evaluation.feedback.strip(), _FEEDBACK),
    }


def _described(trial: Trial) -> Values:
    return {"number": trial.number, "summary": trial.summary, **judged(trial.evaluation), "files": []}


def _other(trial: Trial, regions: Regions) -> Values:
    return {**_described(trial), "files": _files(trial.program, regions, whole=False)}


def _files(program: Program, regions: Regions, *, whole: bool) -> list[dict[str, str]]:
    """The files that may change; with `whole` all of their text and the other small files too, else their regions."""
    editable = [path for path in regions.paths(program) if regions.spans(program, path)]
    found: list[dict[str, str]] = []
    for path in editable:
        text = program.text(path)
        if not whole:
            text = "\n\n".join(text[start:end].strip("\n") for start, end in regions.spans(program, path))
        found.append({"path": path, "text": text, "note": ""})
    if whole:
        for path in sorted(program.files.keys() - set(editable)):
            content = program.files[path]
            if len(content) <= 4096 and b"\0" not in content:
                note = " (may not change)"
                found.append({"path": path, "text": content.decode(errors="replace"), "note": note})
    return found


def _weakest(evaluation: Evaluation) -> list[str]:
    """The five instances with the worst scores. Fitness is turned so that higher is better; scores may not be."""
    turned = evaluation.score is not None and evaluation.fitness is not None and evaluation.score != evaluation.fitness
    order = sorted(evaluation.instances.items(), key=lambda item: item[1], reverse=turned)
    return [f"{_word(name)} {value:.6g}" for name, value in order[:5]]


def _shortened(text: str, most: int) -> str:
    """The beginning and the end of a text: what is cut out of the middle is said."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters are left out]\n{text[len(text) - half :]}"


def _word(name: str) -> str:
    """A name of an evaluator's, in one line: it may hold what a program chose."""
    return "".join(c if c.isprintable() and c != "`" else " " for c in name)[:80]


def _numbers(metrics: Mapping[str, Json]) -> list[str]:
    """Metrics that are numbers: text may come from a program, and what is not in a fence is ours."""
    return [f"{_word(name)} {value:.6g}" for name, value in metrics.items() if isinstance(value, int | float)]
