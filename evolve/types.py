"""The records and the protocols: what a search is made of.

Records are frozen. Protocols have three methods at most. A trial is one proposal with its evaluation; everything that
learns hears `tell(trial)`, in the order of the journal, on one thread.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from evolve.objects import MODE_EXECUTABLE, MODE_FILE, blob_id, tree_id

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from evolve.frames import Frame

__all__ = [
    "Archive",
    "Context",
    "Cost",
    "Evaluation",
    "Evaluator",
    "Finish",
    "Gate",
    "Json",
    "Limits",
    "Model",
    "Plan",
    "Program",
    "Proposal",
    "Proposer",
    "Reply",
    "Request",
    "Rescored",
    "Role",
    "Sandbox",
    "Selection",
    "Session",
    "Split",
    "Status",
    "Trial",
    "Tuning",
    "Usage",
    "lane_problem",
    "path_problem",
]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Split: TypeAlias = Literal["search", "held_out"]
"""`search` instances steer the search; `held_out` ones score what is reported and never reach a proposer."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_RESERVED = {".git", ".evolve", ".gitmodules", ".gitattributes", ".gitignore"}


def lane_problem(name: str) -> str | None:
    """What keeps `name` from naming a lane, and with it a branch, or None when nothing does."""
    if not re.fullmatch(r"\w[\w.+-]*", name) or len(name.encode()) > 200:
        return "it is made of letters, digits, _, ., + and -, begins with no . + or -, and has at most 200 bytes"
    if ".." in name or name.endswith((".", ".lock")):
        return "git has no branch with '..' in its name, or with '.' or '.lock' at its end"
    return None


def path_problem(path: str) -> str | None:
    """What keeps `path` from naming a file of a program, or None when nothing does."""
    if not path or len(path.encode(errors="surrogatepass")) > 1024:
        return "a path has between 1 and 1024 bytes"
    if "\0" in path or "\n" in path or "\\" in path or not path.isprintable():
        return "a path is printable and holds no backslash"
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            return "a path is relative, without empty, '.' or '..' parts"
        # git's own names, and what case-folding or Windows file systems would take for them
        if part.lower().rstrip(". ") in _RESERVED or part.lower().startswith("git~"):
            return f"{part!r} is reserved"
    return None


@dataclass(frozen=True)
class Program:
    """A set of files: a candidate. Its identity is its git tree id.

    `files` maps paths (relative, with slashes) to contents; `executables` are those of them with mode 755.
    Raises `ValueError` when a path is not allowed, or names both a file and a directory.
    """

    files: Mapping[str, bytes]
    executables: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for path in self.files:
            if problem := path_problem(path):
                raise ValueError(f"{path!r:.100} cannot be a file of a program: {problem}")
            parent = path.rpartition("/")[0]
            while parent:
                if parent in self.files:
                    raise ValueError(f"{parent!r} is both a file and a directory")
                parent = parent.rpartition("/")[0]
        if not self.executables <= self.files.keys():
            raise ValueError("an executable is not among the files")

    @cached_property
    def tree(self) -> str:
        """The git tree id, 40 hexadecimal digits."""
        return tree_id({path: (self.mode(path), blob_id(content)) for path, content in self.files.items()})

    def mode(self, path: str) -> str:
        """The git file mode of `path`."""
        return MODE_EXECUTABLE if path in self.executables else MODE_FILE

    def text(self, path: str) -> str:
        """The file as UTF-8 text. Raises `KeyError` or `UnicodeDecodeError`."""
        return self.files[path].decode()

    def replace(self, changes: Mapping[str, bytes | None]) -> Program:
        """A program with these files changed or, where None, removed. Raises `ValueError` as the constructor does."""
        files = {path: content for path, content in self.files.items() if path not in changes}
        files.update((path, content) for path, content in changes.items() if content is not None)
        return Program(files, self.executables & files.keys())


class Status(StrEnum):
    """How a trial ended. Only `OK` has a score."""

    OK = "ok"
    FAILED = "failed"
    """The candidate or the evaluator raised, crashed or exited with an error."""
    INVALID = "invalid"
    """The score is missing, NaN, infinite, a boolean or not a number."""
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    """More output, or more data in a reply, than the limit allows."""
    REJECTED = "rejected"
    """Never evaluated: the change reaches outside the evolving region, or is no valid change at all."""
    SCREENED = "screened"
    """Its score in an early stage of the evaluation fell short of the threshold, so the later ones were spared."""
    DUPLICATE = "duplicate"
    """Never evaluated: the program is one that was tried before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an evaluation took. Measured, so it is journaled and never committed.

    With `cached` it is what it took when it was measured, and this time the result was known.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What an earlier trial scored in a race against a new one: samples that are added to its own.

    `samples` are in the user's unit, one for each of `seeds`; `fitness` and `objectives` are means over them, turned so
    that higher is better. When it failed this time, `status` and `feedback` say how, and `fitness` is None.
    """

    number: int
    samples: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    fitness: float | None = None
    objectives: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    status: Status = Status.OK
    feedback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an evaluator says of a program.

    `score` is in the user's unit and direction; `fitness` is the same turned so that higher is better. Both are finite,
    and both are None unless the status is `OK`. `objectives` are what is optimised beside the score, by name and turned
    as `fitness` is. `instances` holds scores per instance, `measures` behaviour descriptors, `artifacts` files to keep,
    of which those below `private/` are for people and never shown to a proposer; `feedback` is text for the next
    proposer, never about held-out instances.

    When it was scored several times, `samples` are the scores, `seeds` what told the repeats apart, and `score` is the
    mean. `evaluations` is how many times a program was scored for this, another one's in `rescored` included. `won`
    says whether it was better than the best one, which is the last of `rescored`; None when there was no race.
    """

    status: Status
    score: float | None = None
    fitness: float | None = None
    objectives: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    samples: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    evaluations: int = 1
    rescored: tuple[Rescored, ...] = ()
    won: bool | None = None
    metrics: Mapping[str, Json] = field(default_factory=lambda: _EMPTY)
    measures: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    instances: Mapping[str, float] = field(default_factory=lambda: _EMPTY)
    feedback: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=lambda: _EMPTY)
    cost: Cost = Cost()

    @property
    def standard_error(self) -> float | None:
        """Of the score: the samples' standard deviation by the root of their number; None for less than two."""
        number = len(self.samples)
        if number < 2:
            return None
        mean = math.fsum(sample / number for sample in self.samples)
        return math.sqrt(math.fsum((sample - mean) ** 2 / number / (number - 1) for sample in self.samples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a proposal used: calls of models, and `evaluations` that it asked for. Money is in whole nano-dollars (1e-9
    dollars), so that sums are exact."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nanodollars: int = 0
    evaluations: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            nanodollars=self.nanodollars + other.nanodollars,
            evaluations=self.evaluations + other.evaluations,
        )


Finish: TypeAlias = Literal["stop", "length", "refusal", "filtered", "empty"]
"""How an answer ended: by itself, cut at the limit of tokens, refused by the model, held back by a content filter, or
without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked. `messages` are (role, text); a role is "system", "user" or "assistant".

    `max_tokens` bounds the answer, what the model thinks in secret included. `temperature` None leaves it to the model.
    """

    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered. `model` is the name that the service gave, `usage` what it said that this call took."""

    text: str
    finish: Finish
    model: str
    usage: Usage
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A new program, and how it came to be.

    `parents` are the numbers of the trials it was really made from, the one whose text it continues first (at least
    one). `summary` is one line that says what changed: the subject of the commit. `note` is what the proposer wants to
    find again in the trial, as JSON. `rejected` says why there is no valid change; `program` is then the first
    parent's.
    """

    program: Program
    parents: tuple[int, ...]
    operator: str
    summary: str
    usage: Usage = Usage()
    note: Mapping[str, Json] = field(default_factory=lambda: _EMPTY)
    rejected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Trial:
    """One proposal with its evaluation. Trial 0 is the seed; it alone has no parents.

    `lane` names the part of the archive that asked for it. `duplicate_of` is the earlier trial with the same program.
    """

    number: int
    program: Program
    parents: tuple[int, ...]
    operator: str
    summary: str
    evaluation: Evaluation
    usage: Usage = Usage()
    note: Mapping[str, Json] = field(default_factory=lambda: _EMPTY)
    lane: str = ""
    duplicate_of: int | None = None

    @property
    def fitness(self) -> float | None:
        """Higher is better; None unless the status is `OK`."""
        return self.evaluation.fitness


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an archive offers a proposer: `parents` to change (at least one, the first is the main one), and
    `inspirations` to look at. `lane` names the part of the archive that speaks; "" when it has only one. The branch
    `lane/<name>` follows its best, so `lane_problem` says what is no name. `operator` is the one that is wished for,
    such as "leap" or "combine"; a proposer that has it obeys where it can, others take no notice."""

    parents: tuple[Trial, ...]
    inspirations: tuple[Trial, ...] = ()
    lane: str = ""
    operator: str = ""


def _no_models(model: Model, _request: Request) -> Reply:
    raise RuntimeError(f"{model.name} cannot be asked: this search was given no models")


def _no_evaluations(program: Program) -> Evaluation:
    raise RuntimeError(f"{program.tree} cannot be evaluated: this search evaluates nothing for proposals")


@dataclass(frozen=True, slots=True)
class Context:
    """What a proposer may use besides the selection: the number of the trial to be, its own random numbers, and models.

    `rng` is made from (seed, number, purpose, attempt) and from nothing else, so the same ask gives the same proposal.
    `ask(model, request)` is how a proposer asks a model: the budget allows for it and the transcript has it. It raises
    `BudgetSpent` and `ModelFault`, which are the loop's to handle. `relay` is the same for a program that asks through
    a gateway, on many threads and in any order: one call each, and a fault is for the gateway to handle first.

    `evaluate(program)` scores a program that is not proposed yet, once, on the search split: an evaluation of the run's
    budget, kept in the transcript beside what `relay` asks. It raises `BudgetSpent`, `Fault` and `TaskError`.
    """

    number: int
    rng: np.random.Generator
    attempt: int = 0
    ask: Callable[[Model, Request], Reply] = _no_models
    relay: Callable[[Model, Request], Reply] = _no_models
    evaluate: Callable[[Program], Evaluation] = _no_evaluations


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one candidate may use. Whoever passes a limit is stopped and the trial's status says which one it was."""

    memory_bytes: int = 512 * 2**20
    """Of the whole process tree where the sandbox can bound that, else of each process."""
    processes: int = 16
    disk_bytes: int = 64 * 2**20
    open_files: int = 256
    output_bytes: int = 2**20
    """Of standard output and error that is kept; what comes after is read and thrown away."""
    reply_bytes: int = 64 * 2**20
    """Of one frame on the data channel."""


Role: TypeAlias = Literal["candidate", "evaluator"]
"""Who runs in a session: the hostile candidate, or the user's evaluator with the hidden data."""


class Session(Protocol):
    """A harness running in isolation, reached through one duplex channel of frames. Used by one thread at a time."""

    def send(self, frame: Frame) -> None:
        """Raises `SandboxFault` when the harness is gone."""

    def receive(self, timeout: float) -> Frame:
        """The next frame. Raises `TimeoutError` after `timeout` seconds, `SandboxFault` when the harness is gone."""

    def close(self) -> None:
        """Kill the whole process tree and remove what it left. Never raises, may be called twice."""


class Sandbox(Protocol):
    """Runs untrusted code. `name` is how options name it; `weaknesses` say what it does not protect from."""

    name: str
    weaknesses: tuple[str, ...]

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """Start a harness for this role. May run on several threads at once.

        `gateway` is a Unix socket of this machine to which a candidate in this session, and in no other, can connect:
        its variable `EVOLVE_GATEWAY` says where. It has mode 666, in a folder that is the engine's alone, and listens.

        Raises `SandboxUnavailable` when it cannot work on this machine, `SandboxFault` when it failed this time.
        """

    def close(self) -> None:
        """Close what sessions are left and whatever they share, those that threads are just opening included.

        `open` raises `SandboxFault` afterwards.
        """


class Archive(Protocol):
    """Is told trials and samples parents and inspirations from them. Called on the loop thread alone."""

    def tell(self, trial: Trial) -> None:
        """Learn of a trial, whatever its status. The first one told is the seed.

        A trial whose evaluation was corrected by a race is told again, under its number: what was known of it before
        no longer holds. It may have lost its score.
        """

    def sample(self, rng: np.random.Generator) -> Selection:
        """Choose what to change next. Only trials with status `OK` are offered. Raises `LookupError` when none is."""


class Tuning(Protocol):
    """Knows what the tuner should try beside what an archive samples. Called on the loop thread alone."""

    def next(self, *, final: bool = False) -> Selection | None:
        """What to tune now, with the operator "tuner"; None for nothing. `final` says that no proposal comes any more.

        It depends on what was told and asked alone, and asking for it changes nothing.
        """

    def asked(self, number: int, parent: int) -> None:
        """The trial `number` is to tune the program of the trial `parent`. Live and in replay alike."""


Plan: TypeAlias = "Callable[[], Proposal]"
"""The work that is left to do for a proposal."""


class Proposer(Protocol):
    """Makes a new program from a selection."""

    def plan(self, selection: Selection, context: Context) -> Plan:
        """Decide what to propose, and return the work that is left to do for it.

        Called on the loop thread alone: what depends on the trials told so far is decided here, and soon. The work is
        called once, on any thread, several at a time, and depends on nothing that is told meanwhile: so a run can be
        replayed whatever its threads did. Planning teaches nothing either: a replay plans only what was in flight, and
        of the other trials the proposer is told alone.
        """

    def tell(self, trial: Trial) -> None:
        """Learn of a trial, this proposer's or another's, once and as it was scored first. On the loop thread alone."""


class Model(Protocol):
    """A language model behind a service. `name` is how options, budgets and transcripts call it."""

    name: str

    def complete(self, request: Request) -> Reply:
        """Ask, and wait for the whole answer; may run on many threads at once. Tries again what is worth it.

        Raises `ModelFault` when there is no answer. An answer that is cut, empty or refused is a `Reply` that says so.
        """

    def most(self, request: Request) -> Usage:
        """The most that one answer may take, to be reserved for it. Raises `TaskError` when its price is not known."""

    def close(self) -> None:
        """End what was started. May be called twice."""


class Gate(Protocol):
    """Decides, beside the trials of a search, which program is adopted. Called on the loop thread alone."""

    def tell(self, trial: Trial) -> None:
        """Learn of a trial as an archive does, after it was recorded in the lineage."""

    def next(self) -> Callable[[], Mapping[str, Json]] | None:
        """Work for an evaluator, which gives an event of the kind "gate"; None while there is none. It is asked as long
        as there is room. What had not ended when a session did is asked for again, and must be the same work.

        The event says how many `evaluations` it took, two at most of those that a trial may take.
        """

    def fold(self, event: Mapping[str, Json]) -> None:
        """Take such an event, which the journal holds: live and in replay."""


class Evaluator(Protocol):
    """Turns a program into an evaluation."""

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """May run on several threads at once. A bad program is a status, never an exception.

        `seed` tells repeats apart: the same one gives the same instances and random numbers to every program.

        Raises `Fault` when the surroundings failed, and `TaskError` when the evaluator itself cannot be used.
        """

    def tell(self, trial: Trial) -> None:
        """Learn of a trial, whatever its status. Called on the loop thread alone."""

    def close(self) -> None:
        """End everything that was started. May be called twice."""
