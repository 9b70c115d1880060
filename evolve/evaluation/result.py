"""What `evaluate(program)` came back with -> an `Evaluation`. Whatever it was, there is a status for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from evolve.evaluation.rules import Direction
from evolve.types import Cost, Evaluation, Json, Status, path_problem

__all__ = ["accept", "stopped"]

_NONE: Mapping[str, Direction] = MappingProxyType({})
_ENTRIES = 10_000  # of one kind: metrics, measures, instances
_TEXT = 64 * 1024  # characters of feedback
_ARTIFACTS = 64  # files, and bytes of all of them:
_ARTIFACT_BYTES = 16 * 2**20
_WANTED = 'a score is one finite number that fits a float, alone or as "score" in a dict'
_KINDS = {
    "failed": Status.FAILED,
    "data": Status.FAILED,
    "timeout": Status.TIMEOUT,
    "memory": Status.MEMORY,
    "output": Status.OUTPUT,
}


def accept(
    value: object,
    *,
    direction: Direction,
    cost: Cost,
    objectives: Mapping[str, Direction] = _NONE,
    screened: str = "",
    notes: tuple[str, ...] = (),
    problem: str = "",
) -> Evaluation:
    """The evaluation that a returned value stands for; `value` is plain data that has crossed from the evaluator.

    A number is the score. A dict has a "score" and may have "metrics", "measures" and "instances" (dicts of numbers),
    "feedback" (text) and "artifacts" (name -> text or bytes); what else is in it counts as a metric. Each of
    `objectives` is looked for under "objectives", then among the metrics. A score or an objective that is missing, no
    number or not finite makes it `INVALID`; anything else that cannot be used is dropped, which the feedback says.
    `screened` is the threshold that the program fell short of: it has no score then. `notes` are put before those of
    this function, and `problem` says why the score did not cross, if it did not. Never raises.
    """
    said = [*notes]
    fields: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"score": value}
    feedback = _feedback(fields.pop("feedback", ""), said)
    wanted = _entries("objectives", fields.pop("objectives", None), lambda given: given, said)
    if screened or problem:
        score, wrong = None, screened or f"{problem}: {_WANTED}"
    else:
        score, wrong = _score(fields, isinstance(value, Mapping))
    fields.pop("score", None)
    measures = _numbers("measures", fields.pop("measures", None), said)
    instances = _numbers("instances", _named(fields.pop("instances", None)), said)
    artifacts = _artifacts(fields.pop("artifacts", None), said)
    inner = fields.pop("metrics", None)
    metrics = _entries("metrics", inner, _json, said) | _entries("metrics", fields, _json, said)
    turned: dict[str, float] = {}
    if not wrong:
        turned, wrong = _objectives(objectives, {**metrics, **wanted})
    if wrong or score is None:
        status = Status.SCREENED if screened else Status.INVALID
        return Evaluation(status=status, metrics=metrics, feedback=_text([wrong, feedback, *said]), cost=cost)
    return Evaluation(
        status=Status.OK,
        score=score,
        fitness=_turned(score, direction),
        objectives=turned,
        metrics=metrics,
        measures=measures,
        instances=instances,
        feedback=_text([feedback, *said]),
        artifacts=artifacts,
        cost=cost,
    )


def stopped(kind: str, error: str, *, output: str = "", cost: Cost) -> Evaluation:
    """The evaluation of a program without a score: `kind` is the harness's word, "evaluator" when that one raised."""
    printed = f"It printed:\n{output.strip()}" if output.strip() else ""
    return Evaluation(status=_KINDS.get(kind, Status.FAILED), feedback=_text([error, printed]), cost=cost)


def _score(fields: Mapping[str, Any], named: bool) -> tuple[float | None, str]:
    """The score, or None and what is wrong with it."""
    if "score" not in fields:
        return None, f'evaluate() returned no score: a dict with the keys {_shown(sorted(fields))}, and without "score"'
    score = fields["score"]
    what = "the score that evaluate() returned" if named else "what evaluate() returned"
    if getattr(score, "shape", None) == ():
        score = score.item()
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None, f"{what} is {_shown(score)}: {_WANTED}"
    try:
        score = float(score)
    except OverflowError:
        return None, f"{what} is an integer of {score.bit_length()} bits: {_WANTED}"
    return (score, "") if math.isfinite(score) else (None, f"{what} is {score}: {_WANTED}")


def _objectives(wanted: Mapping[str, Direction], given: Mapping[str, Any]) -> tuple[dict[str, float], str]:
    """The objectives, higher being better, and what is wrong with the first that cannot be used."""
    found: dict[str, float] = {}
    for name, direction in wanted.items():
        if name not in given:
            return {}, f"evaluate() returned no {name!r}, which is an objective of this task"
        value = given[name]
        try:
            # a boolean is a number to Python, and no objective
            found[name] = _turned(_number(str(value) if isinstance(value, bool) else value), direction)
        except ValueError as error:
            return {}, f"the objective {name!r} cannot be used: {error}"
    return found, ""


def _turned(number: float, direction: Direction) -> float:
    return number if direction == "maximize" else 0.0 - number


def _feedback(value: object, said: list[str]) -> str:
    if isinstance(value, str):
        return value
    said.append(f"feedback was dropped: it is {_shown(value)} and no text")
    return ""


def _named(value: object) -> object:
    """A list of scores per instance, by their indices."""
    return {str(index): item for index, item in enumerate(_listed(value))} if _is_list(value) else value


def _is_list(value: object) -> bool:
    return isinstance(value, list) or bool(getattr(value, "shape", None))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(value.tolist())


def _numbers(name: str, value: object, said: list[str]) -> dict[str, float]:
    return _entries(name, value, _number, said)


def _entries(name: str, value: object, convert: Callable[[Any], Any], said: list[str]) -> dict[str, Any]:
    """The entries of `value` that `convert` takes; it raises `ValueError` with what is wrong."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        said.append(f"{name} were dropped: a dict is needed, and they are {_shown(value)}")
        return {}
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if len(kept) == _ENTRIES:
            said.append(f"{name} beyond the first {_ENTRIES} were dropped")
            break
        try:
            kept[_clean(key)] = convert(item)
        except ValueError as error:
            if len(said) < 20:  # one wrong kind of metric per instance is one story
                said.append(f"{name} {_clean(key)[:100]!r} was dropped: {error}")
    return kept


def _number(value: Any) -> float:
    if getattr(value, "shape", None) == ():
        value = value.item()
    if not isinstance(value, int | float):
        raise ValueError(f"it is {_shown(value)} and no number")  # noqa: TRY004 - the caller's word for "drop it"
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("it is too large") from None
    if not math.isfinite(number):
        raise ValueError(f"it is {number}")
    return number


def _json(value: Any) -> Json:  # noqa: PLR0911 - one case per kind of value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else _number(value)
    if hasattr(value, "shape"):
        value = value.tolist()
        return _json(value)
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {_clean(key): _json(item) for key, item in value.items()}
    return _number(value)


def _artifacts(value: object, said: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = _entries("artifacts", value, _content, said)
    kept: dict[str, bytes] = {}
    room = _ARTIFACT_BYTES
    for name, content in found.items():
        problem = path_problem(name)
        if problem is None and len(kept) == _ARTIFACTS:
            problem = f"there are more than {_ARTIFACTS}"
        if problem is None and len(content) > room:
            problem = f"all of them are more than {_ARTIFACT_BYTES} bytes"
        if problem is None:
            kept[name] = content
            room -= len(content)
        else:
            said.append(f"artifacts {name[:100]!r} was dropped: {problem}")
    return kept


def _content(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return _clean(value).encode()
    raise ValueError(f"it is {_shown(value)}, and neither text nor bytes")


def _clean(text: str) -> str:
    """The text as what UTF-8 can say: halves of surrogate pairs become question marks."""
    return text.encode("utf-8", "replace").decode()


def _shown(value: object) -> str:
    if hasattr(value, "dtype"):
        return f"an array of shape {getattr(value, 'shape', ())}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}..."


def _text(parts: list[str]) -> str:
    text = _clean("\n".join(part for part in parts if part))
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}\n[cut here]"
