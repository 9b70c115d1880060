"""A task: a seed program, an evaluator and their settings, read from a folder with a `task.toml`."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evolve.errors import TaskError
from evolve.resources import bundled
from evolve.sandboxes.recipe import Recipe, Surroundings
from evolve.types import Limits, Program, path_problem

__all__ = ["Task", "read_folder"]

_IGNORED = {"__pycache__", ".git", ".evolve", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".venv"}
_MAX_FOLDER = 256 * 2**20

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TaskTable(_Table):
    """`[task]`: what is to be improved."""

    name: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]*$")
    description: str = ""
    seed: str = "seed"
    """A folder or a file, relative to the task folder."""
    module: str | None = None
    """The file whose functions `program.call` finds; by default the only Python file, program.py or main.py."""
    editable: list[str] = []
    """Globs of paths that may change; by default the marked regions or, without any, every file."""
    direction: Literal["maximize", "minimize"] = "maximize"
    best_known: Annotated[float, Field(strict=False)] | None = None
    best_known_source: str = ""


class EvaluatorTable(_Table):
    """`[evaluator]`: how a program is scored. Times in seconds."""

    file: str = "evaluate.py"
    timeout: Annotated[Positive, Field(strict=False)] = 60.0
    """Of one whole evaluation."""
    call_timeout: Annotated[Positive, Field(strict=False)] = 10.0
    """Of one call of the candidate, unless the evaluator says otherwise."""


class LimitsTable(_Table):
    """`[limits]`: what a candidate may use."""

    memory_mb: Count = 512
    processes: Count = 16
    disk_mb: Count = 64
    open_files: Count = 256
    output_kb: Count = 1024
    reply_mb: Count = 64


class SandboxTable(_Table):
    """`[sandbox]`: where programs of this task run. All but `strict` needs the docker sandbox."""

    image: Name | None = None
    """Used as it is; it must hold the harness."""
    base: Name | None = None
    """An image to build on."""
    requirements: Name | None = None
    """A file of Python packages to install, relative to the task folder."""
    dockerfile: Name | None = None
    """What makes the base, relative to the task folder; it may copy what lies in a folder of its own beside it."""
    runtime: Name | None = None
    gpus: int | str | None = None
    """How many, or "all"."""
    cpus: Annotated[Positive, Field(strict=False)] | None = None
    strict: bool = False
    """A fresh session for each candidate."""

    @field_validator("gpus")
    @classmethod
    def _some_or_all(cls, value: int | str | None) -> int | str | None:
        if value in {None, "all"} or (isinstance(value, int) and value > 0):
            return value
        raise ValueError('neither a number of GPUs nor "all"')

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        made = [name for name in ("base", "requirements", "dockerfile") if getattr(self, name)]
        if self.image and made:
            raise ValueError(f"image is used as it is and cannot go with {made[0]}; to build on it, call it base")
        if self.base and self.dockerfile:
            raise ValueError("base cannot go with dockerfile, which says in FROM what it builds on; leave one of them")
        return self


class SearchTable(_Table):
    """`[search]`: defaults of `evolve run` for this task."""

    trials: Count | None = None
    evaluations: Count | None = None
    seconds: Annotated[Positive, Field(strict=False)] | None = None


class TaskFile(_Table):
    """The whole of `task.toml`."""

    task: TaskTable = TaskTable()
    evaluator: EvaluatorTable = EvaluatorTable()
    limits: LimitsTable = LimitsTable()
    sandbox: SandboxTable = SandboxTable()
    search: SearchTable = SearchTable()


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

    @classmethod
    def load(cls, reference: str | os.PathLike[str]) -> Task:
        """The task of a bundled name, or in a folder. Raises `TaskError`, which names file, key and fix."""
        folder, reference = _find(os.fspath(reference))
        settings = _parse(folder / "task.toml")
        if not (folder / settings.evaluator.file).is_file():
            raise TaskError(
                f"{folder / 'task.toml'}: [evaluator] file: there is no {settings.evaluator.file!r} in {folder}; "
                f"write it, with a function evaluate(program)"
            )
        seed = _read_seed(folder, settings.task.seed)
        name = settings.task.name or folder.resolve().name
        surroundings = _surroundings(folder, settings.sandbox, reference)
        return cls(reference, folder, name, settings, seed, _evaluator_tree(folder, settings), surroundings)

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


def read_folder(folder: Path) -> Program:
    """The files below a folder as a program, caches left out.

    Raises `TaskError` for links, for paths that a program cannot have, and for more than 256 MiB.
    """
    files: dict[str, bytes] = {}
    executables: set[str] = set()
    total = 0
    for root, directories, names in os.walk(folder):
        directories[:] = sorted(name for name in directories if name not in _IGNORED)
        for name in sorted(names):
            path = Path(root) / name
            if name in _IGNORED or name.endswith(".pyc"):
                continue
            relative = path.relative_to(folder).as_posix()
            if path.is_symlink() or not path.is_file():
                raise TaskError(f"{path} is a link or no regular file; put the file itself there")
            if problem := path_problem(relative):
                raise TaskError(f"{path} cannot be part of a program: {problem}; rename or remove it")
            total += path.stat().st_size
            if total > _MAX_FOLDER:
                raise TaskError(f"{folder} holds more than 256 MiB; keep what does not belong to it elsewhere")
            files[relative] = path.read_bytes()
            if os.access(path, os.X_OK):
                executables.add(relative)
    return Program(files, frozenset(executables))


def _evaluator_tree(folder: Path, settings: TaskFile) -> str:
    seed = settings.task.seed
    files = read_folder(folder)
    return files.replace({path: None for path in files.files if path == seed or path.startswith(f"{seed}/")}).tree


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
            raise TaskError(
                f"{path} has no task.toml; `evolve init {path.name}` makes a task folder that works at once"
            )
        return path, str(path.resolve())
    bundled_tasks = sorted(p.parent.name for p in bundled("evaluators").glob("*/task.toml"))
    if reference in bundled_tasks:
        return bundled("evaluators") / reference, reference
    close = get_close_matches(reference, bundled_tasks, n=1)
    raise TaskError(
        f"there is no task {reference!r}: it is no folder, and the bundled tasks are {', '.join(bundled_tasks)}"
        + (f"; did you mean {close[0]}?" if close else "")
    )


def _parse(path: Path) -> TaskFile:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"{path} is no valid TOML: {error}") from error
    try:
        return TaskFile.model_validate(table)
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(detail)}" for detail in error.errors())
        raise TaskError(f"{path} has a mistake:\n{problems}") from error


def _problem(detail: Any) -> str:
    """One mistake in words: the table, the key, what is wrong and what would be right."""
    place = [str(part) for part in detail["loc"]]
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip()
    if detail["type"] == "extra_forbidden":
        known = _keys(place[:-1])
        close = get_close_matches(place[-1], known, n=1)
        return f"{where}: unknown; " + (f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}")
    message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{where}: {message} (it is {detail['input']!r})"


def _keys(table: list[str]) -> list[str]:
    model: type[BaseModel] = TaskFile
    for name in table:
        annotation = model.model_fields[name].annotation
        assert isinstance(annotation, type)
        model = annotation
    return sorted(model.model_fields)


def _read_seed(folder: Path, where: str) -> Program:
    path = folder / where
    if path.is_dir():
        program = read_folder(path)
    elif path.is_file():
        program = Program({path.name: path.read_bytes()})
    else:
        raise TaskError(
            f"{folder / 'task.toml'}: [task] seed: there is no {where!r} in {folder}; "
            f"put the program to start from there, as a file or a folder"
        )
    if not program.files:
        raise TaskError(f"{folder / 'task.toml'}: [task] seed: the folder {where!r} is empty")
    return program
