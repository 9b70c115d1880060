"""What happened in a run, to read: its trials as a table, its programs, its best."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve import journal
from evolve.errors import RunDamaged, RunNotFound
from evolve.journal import Event, Replay
from evolve.lineage import trial_commit
from evolve.models.transcript import EVALUATIONS, TRANSCRIPT, answered, unanswered
from evolve.recovery import needs_recovery, read_ledger
from evolve.run import check, read_config
from evolve.standing import Standing
from evolve.types import Evaluation, Program, Trial, Usage
from evolve.words import quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]

_CONFIG = frozenset({"started"})
"""What of the configuration a history cannot do without."""

_COLUMNS = {
    "number": "int64",
    "commit": "string",
    "parents": "object",
    "operator": "string",
    "summary": "string",
    "status": "string",
    "score": "float64",
    "fitness": "float64",
    "standard_error": "float64",
    "evaluations": "int64",
    "lane": "string",
    "seconds": "float64",
    "cpu_seconds": "float64",
    "memory_bytes": "int64",
    "calls": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
    "dollars": "float64",
    "duplicate_of": "Int64",
    "metrics": "object",
    "feedback": "string",
}


class History:
    """The run in the directory `path`, as its journal tells it up to now; a run in progress can be read too.

    The clone of a run is read from its commits, and nothing is written there. What was measured, held-out scores and
    what was in flight is then not known.

    `config` is the resolved configuration, `limits` the budget of the last session, `stopped` why that ended ("" when
    it is going on or was killed, "cloned" when a clone does not tell), `held_out` the held-out evaluations by trial
    number, `in_flight` the trials that were asked for and not told, `rises` those that became the best. Trials are as
    races have left them. `unsettled` is what was used before the run was cloned and none of its trials tells of, by
    resource of the budget. `judged` are the numbers of the trials, in order, and between them the events of the gate.

    Raises `RunNotFound`, `RunDamaged`, `StorageError` and, for a clone that git does not read, `LineageError`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        events: Iterable[Event]
        if needs_recovery(self.path):
            self.config, events = read_ledger(self.path)
        else:
            check(self.path)
            _, self.config = read_config(self.path)
            file = self.path / ".evolve" / "journal.jsonl"
            events = journal.read(file) if file.exists() else ()
        if missing := sorted(_CONFIG - self.config.keys()):
            raise RunDamaged(f"{self.path / '.evolve' / 'config.toml'} lacks {', '.join(missing)}")
        self._trials: dict[int, Trial] = {}
        self._commits: dict[int, str] = {}
        self._standing = Standing()
        self.rises: set[int] = set()
        self.judged: list[int | Event] = []
        self.limits: dict[str, Any] = {}
        self.unsettled: dict[str, int] = {}
        replay = Replay(lambda number: self._trials[number].program)
        for event in events:
            self._fold(replay, event)
        self.held_out: dict[int, Evaluation] = replay.held_out
        self.in_flight: tuple[int, ...] = tuple(sorted(replay.asked))
        self.stopped = replay.stopped
        self.elapsed = replay.elapsed

    def __repr__(self) -> str:
        try:
            best = f"best {self.best.evaluation.score:.6g} (trial {self.best.number})"
        except RunNotFound:
            best = "none with a score"
        return f"<History of {self.path}: {quantity(max(len(self) - 1, 0), 'trial')}, {best}>"

    def _fold(self, replay: Replay, event: Event) -> None:
        if event["event"] == "opened":
            self.limits = {**event["limits"], **({"seconds": event["seconds"]} if "seconds" in event else {})}
        if event["event"] == "gate":
            self.judged.append(event)
        if event["event"] == "unsettled":
            self.unsettled = event["amounts"]
        trial = replay.fold(event)
        if trial is None:
            return
        self.judged.append(trial.number)
        for changed in self._standing.tell(trial):
            self._trials[changed.number] = changed
        self._trials[trial.number] = trial
        if self._standing.best is trial:
            self.rises.add(trial.number)
        parents = [self._commits[parent] for parent in trial.parents]
        self._commits[trial.number] = trial_commit(trial, parents, self.config["started"])

    @property
    def tuned(self) -> int:
        """How many of the trials were the tuner's beside the search, which the limit of trials does not count."""
        if self.config.get("tuning", "off") == "off":
            return 0
        return sum(trial.operator == "tuner" for trial in self._trials.values())

    @cached_property
    def spent(self) -> Usage:
        """What models took, as their services said: also for trials that were not told yet, whose answers are paid for,
        and for evaluations that ask models. A clone knows of the proposals of trials that were told alone, and
        of the rest what `unsettled` says. Raises `StorageError`."""
        path = self.path / ".evolve" / TRANSCRIPT
        told = sum((trial.usage for trial in self._trials.values()), Usage()) + self.evaluating
        return told + answered(path, self.in_flight) if path.exists() and self.in_flight else told

    @cached_property
    def evaluating(self) -> Usage:
        """What of it evaluations took. Raises `StorageError`."""
        path = self.path / ".evolve" / EVALUATIONS
        return answered(path) if path.exists() else Usage()

    @cached_property
    def unanswered(self) -> Usage:
        """What calls of models may have taken at most whose answers never came, or are on their way while the run is
        going on. It counts as spent. Raises `StorageError`."""
        paths = [self.path / ".evolve" / name for name in (TRANSCRIPT, EVALUATIONS)]
        return sum((unanswered(path) for path in paths if path.exists()), Usage())

    def __len__(self) -> int:
        """How many trials were told, the seed among them."""
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        """The trials in the order in which they were told."""
        return iter(self.order)

    def __getitem__(self, number: int) -> Trial:
        """A trial by its number. Raises `RunNotFound` when there is none, `TypeError` for what is no number."""
        given: object = number
        if isinstance(given, bool) or not isinstance(given, Integral):
            raise TypeError(
                f"a trial goes by its number, 0 for the seed, and not by {given!r}; the best one is history.best"
            )
        try:
            return self._trials[number]
        except KeyError as error:
            raise RunNotFound(
                f"{self.path} has no trial {number}; "
                + (f"its last one is {max(self._trials)}" if self._trials else "it has none yet")
            ) from error

    def find(self, name: int | str) -> Trial:
        """A trial by what people call it: its number, `best` or `seed`. Raises `RunNotFound`."""
        return self.best if name == "best" else self[0 if name == "seed" else int(name)]

    def commit(self, number: int) -> str:
        """The commit id of a trial. Raises `RunNotFound`."""
        return self._commits[self[number].number]

    def program(self, number: int) -> Program:
        """The program of a trial. Raises `RunNotFound`."""
        return self[number].program

    @property
    def order(self) -> list[Trial]:
        """The trials in the order in which they were told."""
        return list(self._trials.values())

    @property
    def best(self) -> Trial:
        """The trial with the highest fitness, the first told among equals; where trials raced, who won.

        Raises `RunNotFound` when none has a score.
        """
        best = self._standing.best
        if best is None:
            raise RunNotFound(f"{self.path} has no trial with a score yet")
        return best

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in the order of tell; times in seconds, memory in bytes, money in dollars.

        The types do not depend on the run: number, evaluations, memory_bytes, calls, input_tokens and output_tokens are
        int64; score, fitness, standard_error, seconds, cpu_seconds and dollars float64, NaN where a trial has none;
        duplicate_of is Int64, NA where it is none; commit, operator, summary, status, lane and feedback are string;
        parents (lists) and metrics (dicts) are object.
        """
        import pandas as pd  # noqa: PLC0415 - heavy, and most verbs do without

        rows = [self._row(trial) for trial in self._trials.values()]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def _row(self, trial: Trial) -> dict[str, Any]:
        evaluation, usage = trial.evaluation, trial.usage
        return {
            "number": trial.number,
            "commit": self._commits[trial.number],
            "parents": list(trial.parents),
            "operator": trial.operator,
            "summary": trial.summary,
            "status": str(evaluation.status),
            "score": evaluation.score,
            "fitness": evaluation.fitness,
            "standard_error": evaluation.standard_error,
            "evaluations": evaluation.evaluations,
            "lane": trial.lane,
            "seconds": evaluation.cost.seconds,
            "cpu_seconds": evaluation.cost.cpu_seconds,
            "memory_bytes": evaluation.cost.memory_bytes,
            "calls": usage.calls,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "dollars": usage.nanodollars / 1e9,
            "duplicate_of": trial.duplicate_of,
            "metrics": dict(evaluation.metrics),
            "feedback": evaluation.feedback,
        }
