"""Attribution: is a scaffold better for its change, or by luck? Old, new and a sham edit of the old one, compared.

All three are scored by the task that they were searched for, on the same fresh instances, with the same leases, one
right after the other in an order that is drawn. Each such round is a file of raw data, so a comparison that was
interrupted or ran out of money goes on where it was; answers that were paid for are in its transcript.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evolve.adoption.records import Outcome
from evolve.bench.rows import put
from evolve.bench.sham import sham
from evolve.errors import BudgetSpent, RunDamaged, StorageError, TaskError
from evolve.types import Evaluation, Evaluator, Json, Program, Split

__all__ = ["ARMS", "Attribution", "arms", "freeze", "read_rounds"]

ARMS = ("old", "new", "sham")
_COLUMNS = {
    "round": "int64",
    "seed": "int64",  # of the evaluations: 31 bits
    "place": "int64",  # in the order of this round, from 0
    "arm": "string",
    "scaffold": "string",  # tree id
    "family": "string",
    "score": "float64",  # from 0 to 1, as the gate counts it
    "status": "string",
    "calls": "int64",  # of the evaluation as a whole, as all that follows
    "tokens": "int64",
    "nanodollars": "int64",
    "evaluations": "int64",  # that the scaffold asked for
    "seconds": "float64",
}


def arms(old: Program, new: Program) -> dict[str, Program]:
    """The three by name. Raises `TaskError` when there is nothing to attribute, or nothing to make a sham of."""
    if old.tree == new.tree:
        raise TaskError("both scaffolds are the same one, so there is no change to attribute anything to")
    return {"old": old, "new": new, "sham": sham(old)}


def freeze(folder: Path, said: Mapping[str, Json]) -> None:
    """Say in the folder what is compared and all that scores depend on, so that nothing else is mixed with it.

    Raises `TaskError` when it holds another comparison, `RunDamaged`, `StorageError`.
    """
    path = folder / "attribution.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # the lock is there already, and half of this file may be, of one that was killed
            if any(entry.name != "lock" and entry.stem != path.stem for entry in folder.iterdir()):
                raise TaskError(f"{folder} holds other files: take a new or empty folder")
            part = path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(said, indent=2) + "\n")
            part.replace(path)
        known = json.loads(path.read_text())
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error.strerror}") from error
    except ValueError as error:
        raise RunDamaged(f"{path} is no JSON: {error}") from error
    now = json.loads(json.dumps(said))
    if differs := sorted(key for key in known.keys() | now.keys() if known.get(key) != now.get(key)):
        raise TaskError(f"{folder} holds another comparison, of other {', '.join(differs)}: take a new folder")


@dataclass
class Attribution:
    """Rounds of three evaluations in `folder`.

    Args:
        folder: of the raw data; made when it is missing.
        scaffolds: by arm.
        evaluator: scores scaffolds; it is closed when a round fails, so that the others end soon.
        families: the instances that are compared, as the gate has them.
        split: whose instances; those of either are fresh.
        workers: rounds at a time.
        on_round: hears of each that was made.
        on_failure: ends what rounds under way may be waiting for beside the evaluator, when one fails.
    """

    folder: Path
    scaffolds: Mapping[str, Program]
    evaluator: Evaluator
    families: Sequence[str] = ("",)
    split: Split = "search"
    workers: int = 1
    on_round: Callable[[pd.DataFrame], None] = lambda _: None
    on_failure: Callable[[], None] = lambda: None

    def done(self, rounds: int) -> frozenset[int]:
        """Those of the first so many rounds that are there."""
        return frozenset(number for number in range(rounds) if self._file(number).exists())

    def make(self, rounds: int) -> BudgetSpent | None:
        """Have so many rounds in all; what kept some from being made when the budget did, else None.

        Raises what the evaluator raises; rounds that have ended are kept.
        """
        done = self.done(rounds)
        missing = [number for number in range(rounds) if number not in done]
        spent: BudgetSpent | None = None
        with ThreadPoolExecutor(self.workers, thread_name_prefix="attribute") as pool:
            futures = [pool.submit(self._round, number) for number in missing]
            try:
                for future in as_completed(futures):
                    try:
                        self.on_round(future.result())
                    except BudgetSpent as error:
                        spent = spent or error
                        for other in futures:
                            other.cancel()
                    except CancelledError:
                        pass
            except BaseException:  # an interrupt, too, waits for no round
                for other in futures:
                    other.cancel()
                self.evaluator.close()
                self.on_failure()
                raise
        return spent

    def seed(self, number: int) -> int:
        """Of a round: 31 bits that follow from both scaffolds, so nobody was ever scored with it before."""
        said = f"attribute {self.scaffolds['old'].tree} {self.scaffolds['new'].tree} {number}"
        return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=4).digest()) >> 1

    def _file(self, number: int) -> Path:
        return self.folder / "rounds" / f"{number:04d}.parquet"

    def _round(self, number: int) -> pd.DataFrame:
        seed = self.seed(number)
        rows: list[dict[str, Any]] = []
        for place, at in enumerate(np.random.default_rng(seed).permutation(len(ARMS))):
            arm = ARMS[at]
            evaluation = self.evaluator.evaluate(self.scaffolds[arm], split=self.split, seed=seed)
            rows += self._rows(evaluation, round=number, seed=seed, place=place, arm=arm)
        table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)
        put(self._file(number), table)
        return table

    def _rows(self, evaluation: Evaluation, *, arm: str, **said: int) -> list[dict[str, Any]]:
        used = {name: evaluation.metrics.get(name, 0) for name in ("calls", "tokens", "nanodollars", "evaluations")}
        scores = Outcome.of(evaluation, evaluation, self.families).challenger
        return [
            {
                **said,
                "arm": arm,
                "scaffold": self.scaffolds[arm].tree,
                "family": family,
                "score": score,
                "status": str(evaluation.status),
                **used,
                "seconds": evaluation.cost.seconds,
            }
            for family, score in zip(self.families, scores, strict=True)
        ]


def read_rounds(folder: Path) -> pd.DataFrame:
    """The rows of all rounds in a folder, in order. Raises `RunDamaged` for files that are none, `StorageError`."""
    tables = []
    for path in sorted((folder / "rounds").glob("*.parquet")):
        try:
            table = pd.read_parquet(path)
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error}") from error
        except ValueError as error:
            raise RunDamaged(f"{path} is no Parquet file: {error}; remove it, and the round is made again") from error
        if list(table) != list(_COLUMNS):
            raise RunDamaged(f"{path} does not hold a round of an attribution; remove it, and it is made again")
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(_COLUMNS)).astype(_COLUMNS)
