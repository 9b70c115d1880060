"""What the forms of other tools have in common: a folder without a `task.toml` becomes a task."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import Any

from evolve.errors import TaskError
from evolve.folders import read_folder, task_files
from evolve.forms.beside import UNPROTECTED, beside
from evolve.forms.configuration import Configuration
from evolve.resources import bundled
from evolve.tables import TaskFile
from evolve.task import Form, Task
from evolve.task_file import settings_over
from evolve.types import Json, path_problem

__all__ = ["Foreign", "one_file"]

_OURS = "evolve_form"
"""Where our part of what lies with the candidate is."""
_LIMITS = {"memory_mb": 2048, "processes": 64, "disk_mb": 512, "open_files": 1024}
"""Evaluators that run with the candidate start processes and threads, write files and load large libraries."""
_AT_HAND = {"numpy", "scipy"}
_SETTINGS = {".yaml", ".yml"}
_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A task of another tool in `folder`, found by `reference`.

    `seed` and `entry` are the names of the program and of the evaluator in it, `suffix` that of the path that the
    evaluator is given for a program. `timeout` is for one call of the evaluator, `whole` for all of them, in seconds;
    `told` says where the first comes from. `script` is what else our script has to know; `settings` are keys by tables
    of `task.toml`. `left` says which folders are no part of a task.
    """

    form: str
    reference: str
    folder: Path
    seed: str
    entry: str
    configuration: Configuration
    timeout: float
    whole: float
    told: str
    suffix: str = ""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    script: Mapping[str, Json] = field(default_factory=dict)
    edits: tuple[str, ...] = ()
    models: tuple[Mapping[str, Json], ...] = ()
    notes: Iterable[str] = ()
    left: Callable[[Path], bool] = lambda _: False

    def task(self) -> Task:
        """The task: settings of a `task.toml` in the folder, if there is one, win over all that is mapped."""
        settings = settings_over(self._mapped(), self.folder / "task.toml")
        start = self.folder / settings.task.seed
        if path_problem(settings.task.seed) or not start.is_file():
            raise TaskError(f"{self.folder} has no file {settings.task.seed!r} in it to start from")
        files = task_files(self.folder, seed=start, without=self.left)
        name = settings.task.name or re.sub(r"[^\w.-]", "-", self.folder.resolve().name, flags=re.ASCII).lstrip("-.")
        task = Task.of(self.reference, self.folder, name or self.form, settings, files, start)
        ours = bundled("sandbox") / "forms"
        more = {f"{_OURS}/{path}": content for path, content in read_folder(ours / self.form / "beside").files.items()}
        more[f"{_OURS}/place.py"] = (ours / "place.py").read_bytes()
        form = Form(
            name=self.form,
            folder=ours / self.form,
            extra={"settings.json": json.dumps(self._script(settings)).encode()},
            beside=beside(files, more),
            notes=(UNPROTECTED, *self.notes, *self._asked(), *self._ignored(), *self._missing(settings)),
            edits=self.edits,
            models=self.models,
        )
        return replace(task, form=form)

    def _mapped(self) -> dict[str, Mapping[str, Any]]:
        mapped: dict[str, Mapping[str, Any]] = {
            "task": {"seed": self.seed},
            "evaluator": {"file": self.entry, "timeout": self.whole, "call_timeout": self.timeout},
            "limits": _LIMITS,
        }
        return {name: {**mapped.get(name, {}), **self.settings.get(name, {})} for name in {**mapped, **self.settings}}

    def _script(self, settings: TaskFile) -> dict[str, Json]:
        """What our script has to know."""
        own = Path(settings.task.seed).name
        stem = re.sub(r"\W", "_", Path(own).stem, flags=re.ASCII)
        path = (stem if stem.isidentifier() else f"_{stem}") + (self.suffix or Path(own).suffix)
        return {
            "program": own,
            "path": path,
            "entry": settings.evaluator.file,
            "timeout": settings.evaluator.call_timeout,
            "told": "call_timeout in task.toml" if settings.evaluator.call_timeout != self.timeout else self.told,
            "seed": settings.search.seed or 0,
            **self.script,
        }

    def _asked(self) -> list[str]:
        """Models cost money, so they are asked when they are named on the command line, and not before."""
        if not self.models:
            return []
        named = " ".join(f"--model {quote(str(model['name']))}" for model in self.models)
        return [f"{self.configuration.name} names models; they are asked, as it says there, with {named}"]

    def _ignored(self) -> list[str]:
        unused = self.configuration.unused()
        if not unused:
            return []
        more = f" and {len(unused) - _SHOWN} more" if len(unused) > _SHOWN else ""
        return [f"{self.configuration.name}: not used: {', '.join(unused[:_SHOWN])}{more}"]

    def _missing(self, settings: TaskFile) -> list[str]:
        """What the folder says it needs and the sandbox's own image lacks."""
        path, table = self.folder / "requirements.txt", settings.sandbox
        if not path.is_file() or any((table.requirements, table.base, table.image, table.dockerfile)):
            return []
        lines = (line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
        names = [found[0] for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))]
        lacking = sorted({name for name in names if name.lower() not in _AT_HAND})
        if not lacking:
            return []
        toml = self.folder / "task.toml"
        told = f"requirements.txt names {', '.join(lacking)}, which the docker sandbox's own image does not have"
        return [f'{told}; if it is needed, put [sandbox] requirements = "requirements.txt" into {toml}']


def one_file(folder: Path, patterns: Iterable[str], what: str, form: str) -> str:
    """The name of the one file that the first pattern with any matches; no configuration does. Raises `TaskError`
    without one."""
    if not folder.is_dir():
        raise TaskError(f"there is no folder {folder}, which --from {form} reads a task from")
    for pattern in patterns:
        found = sorted(path.name for path in folder.glob(pattern) if path.is_file() and path.suffix not in _SETTINGS)
        if len(found) == 1:
            return found[0]
        if found:
            raise TaskError(f"{folder} has {', '.join(found)}, and {what} is one file; keep the others elsewhere")
    raise TaskError(f"{folder} has no {next(iter(patterns))}, so there is no {what} for --from {form}")
