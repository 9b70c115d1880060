"""A folder of OpenEvolve's: `initial_program.*`, `evaluator.py` and `config.yaml`, as they are.

What its tool does with them is in https://github.com/algorithmicsuperintelligence/openevolve (evaluator.py, config.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evolve.forms.configuration import Configuration
from evolve.forms.foreign import Foreign, one_file
from evolve.task import Task
from evolve.types import Json

__all__ = ["load"]

_TIMEOUT = 300.0
_RETRIES = 3
_THRESHOLDS = [0.5, 0.75, 0.9]
_STAGES = 3
_FEEDBACK = 20 * 1024
_FEATURES = ["complexity", "diversity"]
_MODEL = ("name", "weight", "temperature", "max_tokens", "reasoning_effort")


def load(reference: str) -> Task:
    """The task in a folder, or the one beside a configuration file. Raises `TaskError`."""
    path = Path(reference)
    named = path if path.suffix in {".yaml", ".yml"} and path.is_file() else None
    folder = path.parent if named else path
    seed = one_file(folder, ("initial_program.*", "init*.*"), "initial program", "openevolve")
    entry = one_file(folder, ("evaluator.py",), "evaluator", "openevolve")
    found, notes = _configuration(folder, named)
    timeout, retries = (
        found.number("evaluator.timeout", _TIMEOUT),
        found.count("evaluator.max_retries", _RETRIES, least=0),
    )
    cascade = found.flag("evaluator.cascade_evaluation", True)
    suffix = found.text("file_suffix")
    calls = (_STAGES + 1 if cascade else 2) * ((retries or 0) + 1)  # importing the evaluator is one of them
    if found.flag("evaluator.use_llm_feedback", False):
        notes.append(f"{found.name}: no model's opinion is part of a score here, use_llm_feedback or not")
    workers = found.count("evaluator.parallel_evaluations") or found.count("parallel_evaluations")
    search = {"trials": found.count("max_iterations"), "seed": found.count("random_seed", least=0), "workers": workers}
    memory = found.count("evaluator.memory_limit_mb")
    found.value("language")  # as the name of the program says
    features = found.names("database.feature_dimensions", _FEATURES)
    artifacts = found.flag("evaluator.enable_artifacts", True) and found.flag("prompt.include_artifacts", True)
    return Foreign(
        form="openevolve",
        reference=str(path.resolve()),
        folder=folder,
        seed=seed,
        entry=entry,
        configuration=found,
        timeout=timeout,
        whole=timeout * calls,
        told=f"evaluator.timeout in {found.name}",
        suffix="" if suffix == ".py" else suffix,
        settings={
            "task": {"description": found.text("prompt.system_message")},
            "search": {key: value for key, value in search.items() if value is not None},
            "limits": {"memory_mb": memory} if memory else {},
        },
        script={
            "max_retries": retries,
            "cascade": cascade,
            "thresholds": found.numbers("evaluator.cascade_thresholds", _THRESHOLDS),
            "features": features,
            "artifacts": artifacts,
            "feedback": found.count("prompt.max_artifact_bytes", _FEEDBACK),
        },
        edits=_edits(found),
        models=tuple(_models(found)),
        notes=notes,
        left=lambda path: path.name == "openevolve_output",
    ).task()


def _configuration(folder: Path, named: Path | None) -> tuple[Configuration, list[str]]:
    """The one that was named, or the folder's; and which one that is, where it is not plain."""
    if named:
        return Configuration.read(named), []
    files = sorted(path for pattern in ("config*.yaml", "config*.yml") for path in folder.glob(pattern))
    if not files:
        return Configuration({}, "OpenEvolve's defaults"), ["there is no config.yaml, so OpenEvolve's defaults hold"]
    first = next((path for path in files if path.stem == "config"), files[0])
    if first.stem == "config":
        return Configuration.read(first), []
    others = ", ".join(path.name for path in files if path != first)
    note = f"settings are from {first.name}" + (
        f"; for {others} give its path in place of the folder" if others else ""
    )
    return Configuration.read(first), [note]


def _edits(found: Configuration) -> tuple[str, ...]:
    if found.value("diff_based_evolution") is None:
        return ()
    return ("diff",) if found.flag("diff_based_evolution", True) else ("full",)


def _models(found: Configuration) -> list[dict[str, Json]]:
    """The models that are named, with their weights and settings; what holds for all of them is in each."""
    for key in ("name", "weight"):
        found.value(f"llm.{key}")
    common = {key: value for key in _MODEL if (value := found.value(f"llm.{key}")) is not None}
    listed = found.value("llm.models")
    models = [_model(entry) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    for place, usual in (("primary", 1.0), ("secondary", 0.2)):
        name, weight = found.value(f"llm.{place}_model"), found.value(f"llm.{place}_model_weight")
        if isinstance(name, str) and weight != 0:
            models.append({"name": name, "weight": usual if weight is None else weight})
    return [{**common, **model} for model in models]


def _model(entry: Mapping[str, Any]) -> dict[str, Json]:
    return {key: entry[key] for key in _MODEL if entry.get(key) is not None}
