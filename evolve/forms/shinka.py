"""A folder of ShinkaEvolve's: `initial.*` and `evaluate.py`, as they are, with `shinka.yaml` or `run_evo.py` if there.

What its tool does with them is in https://github.com/SakanaAI/ShinkaEvolve (shinka/core, shinka/launch).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evolve.errors import TaskError
from evolve.forms.configuration import Configuration
from evolve.forms.foreign import Foreign, one_file
from evolve.task import Task

__all__ = ["load"]

_TIMEOUT = 600.0
_AROUND = 30.0  # seconds beside those of evaluate.py, which the tool starts anew each time
_LAUNCHER = "run_evo.py"
_TABLES = {"EvolutionConfig": "evo_config", "DatabaseConfig": "db_config", "LocalJobConfig": "job_config"}
"""What a launcher makes with literal arguments, and where the same keys are in a YAML file."""
_RUNNER = "ShinkaEvolveRunner"


def load(reference: str) -> Task:
    """The task in a folder, or the one beside a configuration file. Raises `TaskError`."""
    path = Path(reference)
    named = path if path.suffix in {".yaml", ".yml"} and path.is_file() else None
    folder = path.parent if named else path
    entry = one_file(folder, ("evaluate.py",), "evaluator", "shinka")
    found, notes = _configuration(folder, named)
    program = Path(found.text("evo_config.init_program_path")).name
    seed = program if program and (folder / program).is_file() else ""
    seed = seed or one_file(folder, ("initial.*",), "initial program", "shinka")
    timeout = _seconds(found, "job_config.time")
    if timeout is None:
        notes.append(f"no time limit is set, so an evaluation may take {_TIMEOUT:g} s")
    search = {"trials": found.count("evo_config.num_generations"), "workers": found.count("max_evaluation_jobs")}
    found.value("evo_config.language")  # as the name of the program says
    return Foreign(
        form="shinka",
        reference=str(path.resolve()),
        folder=folder,
        seed=seed,
        entry=entry,
        configuration=found,
        timeout=timeout or _TIMEOUT,
        whole=(timeout or _TIMEOUT) + _AROUND,
        told=f"the time in {found.name}" if timeout else "the limit where a task sets none",
        settings={
            "task": {"description": found.text("evo_config.task_sys_msg").strip()},
            "search": {key: value for key, value in search.items() if value is not None},
        },
        edits=tuple(found.names("evo_config.patch_types", [])),
        models=tuple({"name": name} for name in found.names("evo_config.llm_models", [])),
        notes=notes,
        left=lambda path: (path / "gen_0").is_dir(),
    ).task()


def _configuration(folder: Path, named: Path | None) -> tuple[Configuration, list[str]]:
    """What the launcher says, and over it the YAML file that was named, or the folder's."""
    launched = _launched(folder / _LAUNCHER)
    files = [named] if named else sorted(path for end in ("yaml", "yml") for path in folder.glob(f"shinka*.{end}"))
    if not files:
        return launched, []
    usual = {"shinka.yaml", "shinka.yml", *_mentioned(folder / _LAUNCHER)}
    first = next((path for path in files if path.name in usual), files[0])
    notes = []
    if len(files) > 1:
        others = ", ".join(path.name for path in files if path != first)
        notes.append(f"settings are from {first.name}; for {others} give its path in place of the folder")
    return launched.under(Configuration.read(first)), notes


def _launched(path: Path) -> Configuration:
    """The literal arguments in a launcher, which is read and never run."""
    if not path.is_file():
        return Configuration({}, "")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as error:
        raise TaskError(f"{path} cannot be read: {error}") from error
    known = dict(_constants(tree))
    values: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = {word.arg: found for word in node.keywords if word.arg and (found := _literal(word.value, known))}
            if node.func.id in _TABLES:
                values.setdefault(_TABLES[node.func.id], {}).update(given)
            elif node.func.id == _RUNNER and "max_evaluation_jobs" in given:
                values["max_evaluation_jobs"] = given["max_evaluation_jobs"]
    # where the rest is in a YAML file, the launcher puts the message in by itself
    messages = [value for name, value in known.items() if name.lower().endswith("task_sys_msg")]
    if len(messages) == 1 and isinstance(messages[0], str):
        values.setdefault("evo_config", {}).setdefault("task_sys_msg", messages[0])
    return Configuration(values, path.name)


def _mentioned(path: Path) -> list[str]:
    """The YAML files that a launcher names, as what it takes unless it is told otherwise."""
    return re.findall(r"""["']([^"'/]+\.ya?ml)["']""", path.read_text(encoding="utf-8")) if path.is_file() else []


def _constants(tree: ast.Module) -> Iterator[tuple[str, Any]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _literal(node.value, {})
            if value is not None:
                yield node.targets[0].id, value


def _literal(node: ast.expr, known: dict[str, Any]) -> Any:
    """The value of a literal, or of a name that stands for one; None for everything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _seconds(found: Configuration, key: str) -> float | None:
    """A time as hh:mm:ss, in seconds."""
    text = found.value(key)
    if text is None:
        return None
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return float(text)  # YAML takes 00:05:00 for a number of seconds
    if not isinstance(text, str) or not re.fullmatch(r"\d+:\d+:\d+", text):
        raise TaskError(f"{found.name}: {key} is {str(text)[:100]!r}, and should be a time as hh:mm:ss")
    hours, minutes, seconds = map(int, text.split(":"))
    return float(hours * 3600 + minutes * 60 + seconds) or None
