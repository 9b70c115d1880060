"""What happened in a run, to read: its trials as a table, its programs, its best."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve import journal
from evolve.errors import RunNotFound
from evolve.journal import Event, Replay
from evolve.lineage import trial_commit
from evolve.run import check, read_config
from evolve.types import Evaluation, Program, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["History"]


class History:
    """The run in the directory `path`, as its journal tells it up to now; a run in progress can be read too.

    `config` is the resolved configuration, `limits` the budget of the last session, `stopped` why that ended ("" when
    it is going on or was killed), `held_out` the held-out evaluations by trial number, `in_flight` the trials that were
    asked for and not told.

    Raises `RunNotFound`, `RunDamaged`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        check(self.path)
        _, self.config = read_config(self.path)
        self._trials: dict[int, Trial] = {}
        self._commits: dict[int, str] = {}
        self.limits: dict[str, Any] = {}
        replay = Replay(lambda number: self._trials[number].program)
        file = self.path / ".evolve" / "journal.jsonl"
        for event in journal.read(file) if file.exists() else ():
            self._fold(replay, event)
        self.held_out: dict[int, Evaluation] = replay.held_out
        self.in_flight: tuple[int, ...] = tuple(sorted(replay.asked))
        self.stopped = replay.stopped
        self.elapsed = replay.elapsed

    def _fold(self, replay: Replay, event: Event) -> None:
        if event["event"] == "opened":
            self.limits = {**event["limits"], **({"seconds": event["seconds"]} if "seconds" in event else {})}
        trial = replay.fold(event)
        if trial is None:
            return
        self._trials[trial.number] = trial
        parents = [self._commits[parent] for parent in trial.parents]
        self._commits[trial.number] = trial_commit(trial, parents, self.config["started"])

    def __len__(self) -> int:
        """How many trials were told, the seed among them."""
        return len(self._trials)

    def __getitem__(self, number: int) -> Trial:
        """A trial by its number. Raises `RunNotFound` when there is none."""
        try:
            return self._trials[number]
        except KeyError as error:
            raise RunNotFound(
                f"{self.path} has no trial {number}; it has {len(self)}, up to {max(self._trials, default=0)}"
            ) from error

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

    @cached_property
    def best(self) -> Trial:
        """The trial with the highest fitness, the first told among equals. Raises `RunNotFound` when none has one."""
        scored = [trial for trial in self._trials.values() if trial.fitness is not None]
        if not scored:
            raise RunNotFound(f"{self.path} has no trial with a score yet")
        return max(scored, key=lambda trial: trial.fitness or 0.0)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in the order of tell; times in seconds, memory in bytes, money in dollars."""
        import pandas as pd  # noqa: PLC0415 - heavy, and most verbs do without

        return pd.DataFrame([self._row(trial) for trial in self._trials.values()]).convert_dtypes()

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
