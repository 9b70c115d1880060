"""How the functions of an `evaluate.py` are asked, and how what they say adds up: splits, instances, stages, seeds.

The file says by its functions what it has. `evaluate(program)` alone is one stage. `evaluate_stage1`, `evaluate_stage2`
and so on, or functions marked with `stage`, come before it, and a program whose score falls short of a stage's
threshold is scored no further. A parameter `split`, `instance` or `seed` is filled in by name; for `instance` the file
has `instances()` or `instances(split)`, a list or a dict of what is given to the function one after another.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from program import CandidateError

_PARAMETERS = ("split", "instance", "seed")
_TABLES = ("metrics", "measures", "instances", "objectives", "artifacts")
_NO_PLAIN_FUNCTION = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
_WORST = 3  # instances that the feedback names
_ERROR = 20_000


class Stage(NamedTuple):
    """`parameters` are those of `function` that are filled in by name."""

    name: str
    function: Callable[..., Any]
    threshold: float | None
    parameters: frozenset[str]


class Outcome(NamedTuple):
    """`value` is what the evaluation returns; `screened` says which threshold it fell short of, "" when none."""

    value: Any
    screened: str


class Scoring:
    """The stages of a module. Raises `ValueError` with what is wrong with it.

    `contract` is the module that evaluators import; `thresholds` are of the stages in order, where the file names none;
    `minimize` says which way a threshold cuts.
    """

    def __init__(self, module: ModuleType, contract: Any, thresholds: list[float], minimize: bool) -> None:
        self._contract, self._minimize = contract, minimize
        self.stages = _stages(module, contract, thresholds)
        self._instances: Callable[..., Any] | None = getattr(module, "instances", None)
        every = frozenset().union(*(stage.parameters for stage in self.stages))
        self._lists_splits = False
        if "instance" in every:
            if not callable(self._instances):
                raise ValueError("evaluate takes an instance, so the file needs a function instances() that lists them")
            self._lists_splits = "split" in inspect.signature(self._instances).parameters
        self.splits = "split" in every or self._lists_splits
        self.seeds = "seed" in every

    def score(self, program: Any, split: str, seed: int, only: str | None) -> Outcome:
        """Run the stages, or one of them. Raises what the functions raise, and `LookupError` for an unknown stage."""
        chosen = [stage for stage in self.stages if only is None or stage.name == only]
        if not chosen:
            raise LookupError(f"there is no stage {only!r}; there are {', '.join(stage.name for stage in self.stages)}")
        passed: list[tuple[str, dict[str, Any]]] = []
        for stage in chosen:
            value = self._ask(stage, program, split, seed)
            if stage is chosen[-1]:
                return Outcome(_merged(passed, self._fields(value)) if passed else self._plain(value), "")
            fields = self._fields(value)
            score = _finite(fields.get("score"))
            if score is None:
                return Outcome(_merged(passed, fields), "")  # whoever judges scores says what is wrong with it
            passed.append((stage.name, fields))
            limit = stage.threshold
            if limit is not None and (score > limit if self._minimize else score < limit):
                side = "above" if self._minimize else "below"
                return Outcome(
                    _merged(passed, {}), f"{stage.name}: its score {score:g} is {side} the threshold {limit:g}"
                )
        raise AssertionError

    def _ask(self, stage: Stage, program: Any, split: str, seed: int) -> Any:
        given = {name: value for name, value in (("split", split), ("seed", seed)) if name in stage.parameters}
        if "instance" not in stage.parameters:
            return stage.function(program, **given)
        return self._each(split, lambda instance: stage.function(program, instance=instance, **given))

    def _each(self, split: str, ask: Callable[[Any], Any]) -> dict[str, Any]:
        """The mean over the instances, what was said of each, and which of them are worst."""
        assert self._instances is not None
        scores: dict[str, Any] = {}
        metrics: dict[str, list[float]] = {}
        measures: dict[str, list[float]] = {}
        told: list[str] = []
        artifacts: dict[str, Any] = {}
        for name, instance in _named(self._instances(split) if self._lists_splits else self._instances()):
            try:
                fields = self._fields(ask(instance))
            except CandidateError as error:
                raise CandidateError(f"instance {name}: {error}", error.kind, error.output) from error
            except Exception as error:
                error.add_note(f"That was for instance {name}.")
                raise
            score = _finite(fields.get("score"))
            if score is None:
                return {"score": fields.get("score"), "feedback": f"that was for instance {name}"}
            scores[name] = score
            for found, given in ((metrics, _metrics(fields)), (measures, fields.get("measures"))):
                for key, figure in given.items() if isinstance(given, Mapping) else ():
                    if (known := _finite(figure)) is not None:
                        found.setdefault(key, []).append(known)
            if isinstance(text := fields.get("feedback"), str) and text:
                told.append(f"{name}: {text}")
            artifacts.update((f"{name}/{file}", content) for file, content in dict(fields.get("artifacts", {})).items())
        if not scores:
            raise ValueError(f"instances() gives none for the split {split!r}, so there is nothing to score")
        return {
            "score": _mean([*scores.values()]),
            "metrics": {metric: _mean(known) for metric, known in metrics.items()},
            "measures": {measure: _mean(known) for measure, known in measures.items()},
            "instances": scores,
            "feedback": "\n".join([self._worst(scores), *told]) if split == "search" else "",
            "artifacts": artifacts,
        }

    def _worst(self, scores: Mapping[str, float]) -> str:
        if len(scores) < 2:
            return ""
        order = sorted(scores, key=scores.__getitem__, reverse=self._minimize)[:_WORST]
        return "Worst instances: " + ", ".join(f"{name} {scores[name]:.6g}" for name in order)

    def _plain(self, value: Any) -> Any:
        return value.as_dict() if isinstance(value, self._contract.Evaluation) else value

    def _fields(self, value: Any) -> dict[str, Any]:
        value = self._plain(value)
        return dict(value) if isinstance(value, Mapping) else {"score": value}


def _stages(module: ModuleType, contract: Any, thresholds: list[float]) -> list[Stage]:
    """In order: those with numbers in their names, those that are marked, `evaluate`."""
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    numbered = sorted(
        (int(found[1]), name) for name in functions if (found := re.fullmatch(r"evaluate_stage(\d+)", name))
    )
    marked = [name for name, function in functions.items() if contract.threshold_of(function)[0]]
    names = [name for _, name in numbered] + [name for name in marked if name != "evaluate"]
    if callable(getattr(module, "evaluate", None)):
        names.append("evaluate")
    if not names:
        raise ValueError("there is no function evaluate(program) in it")
    if len(thresholds) >= len(names) and thresholds:
        raise ValueError(
            f"task.toml has {len(thresholds)} thresholds and the evaluator {len(names)} stages ({', '.join(names)}): "
            f"there is one threshold for each stage but the last"
        )
    found: list[Stage] = []
    for place, name in enumerate(dict.fromkeys(names)):
        function = getattr(module, name)
        own = contract.threshold_of(function)[1]
        threshold = thresholds[place] if own is None and place < len(thresholds) else own
        found.append(Stage(name, function, threshold, _parameters(name, function)))
    return found


def _parameters(name: str, function: Callable[..., Any]) -> frozenset[str]:
    if any(gives_no_score(function) for gives_no_score in _NO_PLAIN_FUNCTION):
        raise ValueError(f"{name} has a yield or is async, so it returns no score: make it a plain function")
    signature = inspect.signature(function)
    filled = frozenset(_PARAMETERS) & signature.parameters.keys()
    try:
        signature.bind(None, **dict.fromkeys(filled))
    except TypeError as error:
        raise ValueError(
            f"{name} takes (program) and, where it wants them, split, instance and seed: {error}"
        ) from None
    return filled


def _merged(passed: list[tuple[str, dict[str, Any]]], last: dict[str, Any]) -> dict[str, Any]:
    """What the last stage said, with what the earlier ones said; each of their scores is a metric by its name."""
    merged: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    told: list[str] = []
    for fields in [*(fields for _, fields in passed), last]:
        for table in _TABLES[1:]:
            if isinstance(given := fields.get(table), Mapping):
                merged[table] = {**merged.get(table, {}), **given}
            elif given is not None:
                merged[table] = given
        metrics.update(_metrics(fields))
        if isinstance(text := fields.get("feedback"), str) and text:
            told.append(text)
    metrics.update((name, fields["score"]) for name, fields in passed)
    if "score" in last:
        merged["score"] = last["score"]
    return {**merged, "metrics": metrics, "feedback": "\n".join(told)}


def _metrics(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a result: those under that name, and every key that has no meaning of its own."""
    loose = {name: value for name, value in fields.items() if name not in {"score", "feedback", *_TABLES}}
    return {**(dict(inner) if isinstance(inner := fields.get("metrics"), Mapping) else {}), **loose}


def _named(instances: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(instances, Mapping):
        yield from ((str(name), instance) for name, instance in instances.items())
    else:
        yield from ((str(number), instance) for number, instance in enumerate(instances))


def _mean(figures: list[float]) -> float:
    # shares of the sum, since the sum of large figures may be infinite
    return math.fsum(figure / len(figures) for figure in figures)


def _finite(score: Any) -> float | None:
    if getattr(score, "shape", None) == ():
        score = score.item()
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    try:
        return float(score) if math.isfinite(score) else None
    except OverflowError:
        return None
