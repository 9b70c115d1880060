"""The tables of a `task.toml`: their keys, defaults and limits, and what goes together."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["EvaluatorTable", "SandboxTable", "TaskFile"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]
Name = Annotated[str, Field(min_length=1)]
Direction = Literal["maximize", "minimize"]

_LEAST_IN_RACE = 3  # two differences and a centre: below it nothing can be said


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
