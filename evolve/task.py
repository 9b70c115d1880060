"""A task: a seed program, an evaluator and their settings, read from a folder with a `task.toml`."""

from __future__ import annotations

import os
import re
import reprlib
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from evolve.errors import TaskError
from evolve.folders import read_folder, task_files
from evolve.resources import bundled
from evolve.sandboxes.recipe import Recipe, Surroundings
from evolve.types import Json, Limits, Program, path_problem

__all__ = ["Form", "Task", "TaskFile", "settings_over"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
Direction = Literal["maximize", "minimize"]

_LEAST_IN_RACE = 3  # two differences and a centre: below it nothing can be said

_FOREIGN = {"openevolve": ("initial_program.*", "evaluator.py"), "shinka": ("initial.*", "evaluate.py")}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TaskTable(_Table):
    """`[task]`: what is to be improved."""

    name: str = ""
    description: str = ""
    seed: str = "seed"
    """A folder or a file, relative to the task folder."""
    module: str | None = None
    """The module whose functions `program.call` finds; by default of the only Python file, program.py or main.py."""
    editable: list[str] = []
    """Globs of paths that may change; by default the marked regions or, without any, every file."""
    build: list[Name] = []
    """A command that runs in the program's folder before it is scored, such as ["make"]; when it fails, that is the
    trial's feedback."""
    build_timeout: Positive = 60.0
    """Seconds for it."""
    direction: Direction = "maximize"
    best_known: Annotated[float, Field(allow_inf_nan=False)] | None = None
    best_known_source: str = ""

    @field_validator("name")
    @classmethod
    def _names_folders(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
            raise ValueError("runs are named after it: use letters, digits, '_', '-' and '.', and no '-' or '.' first")
        return value

    @field_validator("module")
    @classmethod
    def _names_a_module(cls, value: str | None) -> str | None:
        if value is not None and value.endswith(".py"):
            raise ValueError(f"a module is named without .py; write {value.removesuffix('.py').replace('/', '.')!r}")
        if value is not None and not all(part.isidentifier() for part in value.split(".")):
            raise ValueError("should be the name of a module, such as 'solver' or 'package.solver'")
        return value


class EvaluatorTable(_Table):
    """`[evaluator]`: how a program is scored. Times in seconds."""

    file: str = "evaluate.py"
    command: list[Name] = []
    """Instead of a file: a command that is given the program's path and prints its score on the last line."""
    timeout: Positive = 60.0
    """Of one whole evaluation."""
    call_timeout: Positive = 10.0
    """Of one call of the candidate, unless the evaluator says otherwise; an evaluation's end cuts it short."""
    thresholds: list[Annotated[float, Field(allow_inf_nan=False)]] = []
    """The score that a program needs in each stage but the last to go on, where evaluate.py names none."""
    repeats: Count = 1
    """How often a program is scored; its score is the mean."""
    repeats_most: Count | None = None
    """Race: score a program and the best one from `repeats` times (3, when that is not set) to so many in turn, until
    they are apart."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """The chance, at least, that programs which a race has found apart are in that order."""
    noise_range: Positive | None = None
    """The most by which two repeats of one program can differ, in the unit of the score; else what was seen."""
    cache: bool = False
    """A score depends on nothing but the program and the seed: keep it on this machine, for every run."""

    @property
    def times(self) -> int:
        """How often a program is scored at least."""
        return _LEAST_IN_RACE if self.repeats_most and "repeats" not in self.model_fields_set else self.repeats

    @model_validator(mode="after")
    def _call_within_evaluation(self) -> Self:
        if "call_timeout" in self.model_fields_set and self.call_timeout > self.timeout:
            raise ValueError(
                f"call_timeout ({self.call_timeout:g} s) is longer than timeout ({self.timeout:g} s), which is for the "
                f"whole evaluation; shorten the one, or give the other more"
            )
        return self

    @model_validator(mode="after")
    def _a_race_or_none(self) -> Self:
        if self.repeats_most is None:
            for key in ("confidence", "noise_range"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key} is of a race, and there is none without repeats_most, such as 30")
        elif "repeats" in self.model_fields_set and self.repeats < _LEAST_IN_RACE:
            raise ValueError(f"a race begins with at least {_LEAST_IN_RACE} repeats, and not {self.repeats}")
        elif self.repeats_most < (least := max(self.repeats, _LEAST_IN_RACE)):
            raise ValueError(f"repeats_most is {self.repeats_most}: a race takes at least {least} repeats")
        return self


class ImproveTable(_Table):
    """`[improve]`: the program is a scaffold, and its score is what its proposals do for other tasks."""

    tasks: list[Name] = []
    """Bundled tasks by name, or task folders relative to this one; each needs `best_known`."""
    held_out: list[Name] = []
    """Tasks for what is reported; without any, the same ones with other seeds."""
    calls: Count = 8
    """Of models, for one search; it makes as many proposals at most."""
    each: Count = 1
    """Searches of one task, which differ in their seeds."""
    evaluations: Annotated[int, Field(ge=0)] = 8
    """That the proposals of one search may ask for, beside those that it makes of them."""
    staged: bool = False
    """Try a scaffold on the first task alone, and on the others when any of its proposals could be used."""

    @model_validator(mode="after")
    def _of_tasks(self) -> Self:
        if not self.tasks and self.model_fields_set:
            raise ValueError('tasks is missing: name those to try scaffolds on, such as ["circle_packing"]')
        return self


class SolveTable(_Table):
    """`[solve]`: the program is a scaffold, and its score is how many small programming tasks it solves."""

    benchmark: Name | None = None
    """A bundled task, or a folder relative to this one, whose evaluator scores each folder of its seed."""
    calls: Count = 2
    """Of models, for one folder."""
    each: Count = 4
    """Folders that one evaluation asks for, drawn by its seed."""

    @model_validator(mode="after")
    def _of_a_benchmark(self) -> Self:
        if self.benchmark is None and self.model_fields_set:
            raise ValueError('benchmark is missing: name a task of many small ones, such as "repository_bugs"')
        return self


class UtilityTable(_Table):
    """`[utility]`: what a scaffold's score is made of beside what it does; see `evolve.evaluation.utility`."""

    score: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The weight of what it does."""
    tokens: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The weight of what it leaves of `tokens_most`."""
    seconds: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The weight of what it leaves of `seconds_most`."""
    tokens_most: Count = 100_000
    """Tokens of one evaluation from which on nothing is left."""
    seconds_most: Positive = 300.0
    """The same of seconds."""

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if abs(self.score + self.tokens + self.seconds - 1.0) > 1e-9:
            raise ValueError(
                f"score, tokens and seconds are weights that add up to 1, not {self.score:g}, "
                f"{self.tokens:g} and {self.seconds:g}"
            )
        return self


class GateTable(_Table):
    """`[gate]`: which scaffold is the adopted one, that proposes the next; see `evolve.adoption.policy`."""

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.10
    """The chance that a lineage, however long, ever adopts a scaffold that is no better."""
    cap: Count = 240
    """Pairs of one confirmation, at most."""
    futility: Positive = 0.2
    """An e-value below which it ends, after `hopeful` pairs."""
    hopeful: Count = 30
    veto: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The chance that one which is worse in no family of instances is vetoed."""
    least: Count = 10
    """Rounds of pairs, one of each family, before anybody is adopted."""
    every: Count = 3
    """Trials from one confirmation's start to the next one's, at least."""
    lines_most: Count = 1000
    """Lines that one step may change; a larger one is not tried."""
    lines_asked: Annotated[int, Field(ge=0)] = 300
    """Lines above which a person is asked."""
    gain_asked: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The gain a pair above which a person is asked."""
    adoptions_most: Count = 3
    """Adoptions in the last `adoptions_window` trials, at most."""
    adoptions_window: Count = 50
    canary: bool = True
    """Give a newly adopted one a share of the proposals first."""
    canary_every: Annotated[int, Field(ge=2)] = 4
    """One trial of so many is its to propose."""
    canary_blocks: Count = 12
    """So many of them, before it has all."""
    canary_level: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The chance that one which is no worse is rolled back, at most."""


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
    cpus: Positive | None = None
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
    seconds: Positive | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    workers: Count | None = None
    archive: Name | None = None
    evaluations_asked: Annotated[int, Field(ge=0)] = 4
    """That one proposal of a scaffold may ask for before it proposes."""

    @property
    def limits(self) -> dict[str, Any]:
        """Those of the limits that are set."""
        return self.model_dump(include={"trials", "evaluations", "seconds"}, exclude_none=True)


class TaskFile(_Table):
    """The whole of `task.toml`."""

    task: TaskTable = TaskTable()
    evaluator: EvaluatorTable = EvaluatorTable()
    improve: ImproveTable = ImproveTable()
    solve: SolveTable = SolveTable()
    utility: UtilityTable = UtilityTable()
    gate: GateTable = GateTable()
    limits: LimitsTable = LimitsTable()
    sandbox: SandboxTable = SandboxTable()
    search: SearchTable = SearchTable()
    objectives: dict[Name, Direction] = {}
    """What is optimised beside the score: the name of a metric, and which way."""

    @property
    def of_scaffolds(self) -> bool:
        """Whether the programs are scaffolds, so that scoring them asks models."""
        return bool(self.improve.tasks or self.solve.benchmark)

    @property
    def gated(self) -> bool:
        """Whether there is a table `[gate]`, which may be empty."""
        return "gate" in self.model_fields_set

    @model_validator(mode="after")
    def _gate_of_scaffolds(self) -> Self:
        if self.gated and not self.of_scaffolds:
            raise ValueError("[gate] is for scaffolds, and there is neither [improve] nor [solve]: leave it out")
        if self.of_scaffolds and self.search.evaluations_asked and "evaluations_asked" in self.search.model_fields_set:
            raise ValueError(
                "[search] evaluations_asked: to score a scaffold asks models, so none is lent: leave it out"
            )
        if self.gated and self.evaluator.repeats_most is not None:
            raise ValueError("[gate] runs pairs of its own, so [evaluator] has no race: leave out repeats_most")
        return self


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
    raise TaskError(
        f"there is no task {reference!r}: it is no folder, and the bundled tasks are {', '.join(bundled_tasks)}"
        + (f"; did you mean {close[0]}?" if close else "")
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


def settings_over(given: Mapping[str, Mapping[str, Any]], path: Path) -> TaskFile:
    """The settings `given` by table and key, with those of the `task.toml` at `path` over them, where there is one.

    Raises `TaskError` with what is wrong in that file.
    """
    own = _table(path) if path.exists() else {}
    tables = {name: table for name, table in own.items() if isinstance(table, dict)}
    merged = {name: {**given.get(name, {}), **tables.get(name, {})} for name in {**given, **tables}}
    return _validated({**own, **merged}, path)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TaskError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise TaskError(f"{path} is no valid TOML: {error}") from error


def _validated(table: Mapping[str, Any], path: Path) -> TaskFile:
    try:
        return TaskFile.model_validate(table)
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(detail)}" for detail in error.errors())
        raise TaskError(f"{path} has a mistake:\n{problems}") from error


def _problem(detail: Any) -> str:
    """One mistake in words: the table, the key, what is wrong and what would be right."""
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        return _unknown(place, is_table=isinstance(detail["input"], dict))
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else ""
    message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if detail["type"] == "model_type":
        message = f"is a table, so write [{place[0]}] and its keys below"
    if detail["type"] == "list_type":
        message = 'should be a list, such as ["a", "b"]'
    if isinstance(detail["input"], dict):
        return f"{where}: {message}" if where else message
    return f"{where}: {message} (it is {reprlib.repr(detail['input'])})"


def _unknown(place: list[str], *, is_table: bool) -> str:
    """What to do about a key, or a table, that is not known where it stands."""
    *tables, key = place
    keys = {name: _keys(name) for name in TaskFile.model_fields}
    if not tables and is_table:
        close = get_close_matches(key, keys, n=1)
        return f"[{key}]: unknown; " + (f"did you mean [{close[0]}]?" if close else f"there are [{'], ['.join(keys)}]")
    where = f"[{tables[0]}] {key}: unknown here" if tables else f"{key}: stands in no table"
    owners = [f"[{name}]" for name, known in keys.items() if key in known]
    if owners:
        return f"{where}; it belongs to {' or '.join(owners)}"
    known = keys[tables[0]] if tables else [name for names in keys.values() for name in names]
    close = get_close_matches(key, known, n=1)
    return f"{where}; " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}")


def _keys(table: str) -> list[str]:
    model = TaskFile.model_fields[table].annotation
    # a table whose keys are the user's own has none to know
    return sorted(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


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
