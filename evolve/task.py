"""A task: a seed program, an evaluator and their settings, found in a folder with a `task.toml`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from evolve.errors import TaskError
from evolve.folders import read_folder, task_files
from evolve.resources import bundled
from evolve.sandboxes.recipe import Recipe, Surroundings
from evolve.tables import SandboxTable, TaskFile
from evolve.task_file import settings_over
from evolve.types import Json, Limits, Program, path_problem

__all__ = ["Form", "Task"]

_FOREIGN = {"openevolve": ("initial_program.*", "evaluator.py"), "shinka": ("initial.*", "evaluate.py")}


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a task's evaluator is asked, when it is no `evaluate.py` of the native form.

    Then `folder` has the script that speaks for it, which finds the files `extra` beside its own, and the task's files
    lie in `beside`, with the candidate. `notes` are what the user has to know about scores of this form. `edits` and
    `models` are what the configuration of another tool says of models: the forms in which they are asked for changes,
    "diff" or "full", and how they are asked, as tables of `ModelSettings` by name (never a key).
    """

    name: str = "native"
    folder: Path | None = None
    extra: Mapping[str, bytes] = field(default_factory=dict)
    beside: Program = field(default_factory=lambda: Program({}))
    notes: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    models: tuple[Mapping[str, Json], ...] = ()

    @property
    def identity(self) -> str:
        """Text that changes with all that this adds to what a score depends on."""
        script = task_files(self.folder).tree if self.folder else ""
        return f"{self.name} {script} {Program(self.extra).tree} {self.beside.tree}"


@dataclass(frozen=True)
class Task:
    """A task as it was found: `reference` is what finds it again, `tree` identifies the evaluator.

    It is the git tree id of the folder without the seed: scores of one run must all come from the same evaluator.
    """

    reference: str
    folder: Path
    name: str
    settings: TaskFile
    seed: Program
    tree: str
    surroundings: Surroundings
    form: Form = field(default_factory=Form)
    seed_path: Path | None = None

    @classmethod
    def load(cls, reference: str | os.PathLike[str]) -> Task:
        """The task of a bundled name, or in a folder. Raises `TaskError`, which names file, key and fix."""
        folder, reference = _find(os.fspath(reference))
        settings = settings_over({}, folder / "task.toml")
        entry = settings.evaluator.file
        if problem := path_problem(entry):
            raise TaskError(
                f"{folder / 'task.toml'}: [evaluator] file: {entry!r} is outside the task folder: {problem}"
            )
        without = settings.evaluator.command or settings.of_scaffolds
        if not without and not (folder / entry).is_file():
            raise TaskError(
                f"{folder / 'task.toml'}: [evaluator] file: there is no {entry!r} in {folder}; "
                f"write it, with a function evaluate(program)"
            )
        start = _seed_path(folder, settings)
        name = settings.task.name or folder.resolve().name
        return cls.of(reference, folder, name, settings, task_files(folder, seed=start), start)

    @classmethod
    def of(cls, reference: str, folder: Path, name: str, settings: TaskFile, files: Program, start: Path) -> Task:
        """The task with these settings in a folder, where `files` are the evaluator's and `start` is the seed.

        Raises `TaskError` when the seed or a file that the settings name cannot be read.
        """
        surroundings = _surroundings(folder, settings.sandbox, reference)
        seed = _read_seed(folder, start)
        return cls(reference, folder, name, settings, seed, files.tree, surroundings, seed_path=start)

    @property
    def limits(self) -> Limits:
        """What a candidate may use."""
        table = self.settings.limits
        return Limits(
            memory_bytes=table.memory_mb * 2**20,
            processes=table.processes,
            disk_bytes=table.disk_mb * 2**20,
            open_files=table.open_files,
            output_bytes=table.output_kb * 2**10,
            reply_bytes=table.reply_mb * 2**20,
        )


def _surroundings(folder: Path, table: SandboxTable, reference: str) -> Surroundings:
    """What the task asks for, with the texts of the files that it names."""
    requirements = dockerfile = ""
    files = Program({})
    if table.requirements is not None:
        requirements = _text(folder, "requirements", table.requirements)
    if table.dockerfile is not None:
        dockerfile = _text(folder, "dockerfile", table.dockerfile)
        place = (folder / table.dockerfile).parent
        # candidates see what is in the image: what lies beside the evaluator can never get there by a COPY
        if place.resolve() != folder.resolve():
            files = read_folder(place)
    recipe = Recipe(
        base=table.base,
        requirements=requirements,
        dockerfile=dockerfile,
        files=files.files,
        executables=files.executables,
        task=reference if table.base or requirements or dockerfile else "",
    )
    return Surroundings(image=table.image, recipe=recipe, runtime=table.runtime, gpus=table.gpus, cpus=table.cpus)


def _text(folder: Path, key: str, name: str) -> str:
    """A file of the task that `[sandbox]` names."""
    where = f"{folder / 'task.toml'}: [sandbox] {key}:"
    if problem := path_problem(name):
        raise TaskError(f"{where} {name!r} is no path inside the task folder: {problem}")
    try:
        return (folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TaskError(f"{where} {name!r} is not UTF-8 text") from None
    except OSError as error:
        raise TaskError(f"{where} {name!r} cannot be read ({error.strerror}); write it, or remove the key") from None


def _find(reference: str) -> tuple[Path, str]:
    path = Path(reference)
    if path.is_dir():
        if not (path / "task.toml").is_file():
            raise TaskError(f"{path} has no task.toml; {_way_on(path)}")
        return path, str(path.resolve())
    if path.exists():
        raise TaskError(f"{path} is a file; a task is a folder, so give the one with its task.toml")
    bundled_tasks = sorted(p.parent.name for p in bundled("evaluators").glob("*/task.toml"))
    if reference in bundled_tasks:
        return bundled("evaluators") / reference, reference
    close = get_close_matches(reference, bundled_tasks, n=1)
    meant = f"; did you mean {close[0]}? It" if close else ": it"
    raise TaskError(
        f"there is no task {reference!r}{meant} is no folder, and the bundled tasks are {', '.join(bundled_tasks)}"
    )


def _way_on(folder: Path) -> str:
    """What somebody may have meant with a folder that is no task."""
    if (folder / ".evolve").is_dir():
        return f"it is a run, which `evolve resume {shlex.quote(str(folder))}` continues"
    for form, files in _FOREIGN.items():
        if all(any(folder.glob(pattern)) for pattern in files):
            return f"it looks like a task of another tool: give --from {form}"
    if (folder / "evaluate.py").exists() or (folder / "seed").exists():
        return "write one beside what is there: an empty one will do, for every key has a default"
    return f"`evolve init {shlex.quote(str(folder))}` adds one, with an evaluator and a seed that work at once"


def _seed_path(folder: Path, settings: TaskFile) -> Path:
    """Where the seed is: never with the evaluator in it, or every candidate would hold what scores it."""
    where = settings.task.seed
    complaint = f"{folder / 'task.toml'}: [task] seed: {where!r}"
    if not where or Path(where).is_absolute():
        raise TaskError(f'{complaint} is no path relative to the task folder; write for example "seed"')
    path = folder / os.path.normpath(where)
    if not path.exists():
        raise TaskError(f"{complaint} is not in {folder}; put the program to start from there, as a file or a folder")
    for name in ("task.toml", settings.evaluator.file):
        if (folder / name).resolve().is_relative_to(path.resolve()):
            raise TaskError(
                f"{complaint} holds {name}, so every program would too; "
                f'put the program to start from into a folder of its own, such as "seed"'
            )
    if (path / "task.toml").exists():
        raise TaskError(f"{complaint} is a task folder, with an evaluator of its own; name the seed in it")
    return path


def _read_seed(folder: Path, path: Path) -> Program:
    if path.is_dir():
        program = read_folder(path)
    else:
        program = Program({path.name: path.read_bytes()}, frozenset([path.name] if os.access(path, os.X_OK) else []))
    if not program.files:
        raise TaskError(f"{folder / 'task.toml'}: [task] seed: the folder {path.name!r} is empty")
    return program
