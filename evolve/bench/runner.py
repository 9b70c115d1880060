"""Makes the runs of a bench, several at a time, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from evolve.bench.lock import locked
from evolve.bench.plan import Order
from evolve.bench.rows import read
from evolve.bench.worker import failure
from evolve.errors import RunDamaged

__all__ = ["Runner"]

_MESSAGE = 2000
"""Characters of what a crashed process said that are kept."""


@dataclass
class Runner:
    """Makes runs in `folder`, and leaves out those that it holds and that did not fail.

    Args:
        folder: of the bench.
        jobs: runs at a time.
        keep: keep the git repository of each run, in `runs`.
        on_run: hears of each run that was made: the order, and its rows.
    """

    folder: Path
    jobs: int = 1
    keep: bool = False
    on_run: Callable[[Order, pd.DataFrame], None] = lambda _order, _rows: None
    _processes: set[subprocess.Popen[str]] = field(default_factory=set)
    _ended: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def missing(self, orders: Sequence[Order]) -> list[Order]:
        """Those of which there is no run yet, or one that failed. Raises `RunDamaged` for a file of something else."""
        return [order for order in orders if not self._done(order)]

    def make(self, orders: Sequence[Order]) -> None:
        """Make these runs. One that is interrupted leaves nothing; those that have ended are kept.

        Raises `RunLocked` when another process works on this bench, `StorageError` when the disk refuses.
        """
        with locked(self.folder), ThreadPoolExecutor(self.jobs) as pool:
            futures = {pool.submit(self._make, order): order for order in orders}
            try:
                for future in as_completed(futures):
                    if (rows := future.result()) is not None:
                        self.on_run(futures[future], rows)
            finally:
                self._end()

    def _make(self, order: Order) -> pd.DataFrame | None:
        """The rows of a run; None when all is to end."""
        file = order.file(self.folder)
        file.unlink(missing_ok=True)  # one that failed
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = self._start(said.fileno())
            if process is None:
                return None
            assert process.stdin is not None
            # it stays open, for the process ends when it does; a pipe that broke is told by how the process ended
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps([asdict(order), self.keep]) + "\n")
                process.stdin.flush()
            code = process.wait()
            with suppress(BrokenPipeError):
                process.stdin.close()
            with self._turn:
                self._processes.discard(process)
            if self._ended:
                return None
            if code not in {0, 1} or not file.exists():
                said.seek(0)
                failure(order, file, f"the process ended with {code}: {said.read()[-_MESSAGE:].strip()}")
        return read([file])

    def _start(self, said: int) -> subprocess.Popen[str] | None:
        with self._turn:
            if self._ended:
                return None
            process = subprocess.Popen(
                [sys.executable, "-m", "evolve.bench.worker", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,  # Ctrl-C is for this process, which ends the others
            )
            self._processes.add(process)
            return process

    def _end(self) -> None:
        with self._turn:
            self._ended = True
            for process in self._processes:
                process.kill()

    def _done(self, order: Order) -> bool:
        file = order.file(self.folder)
        if not file.exists():
            return False
        rows = pd.read_parquet(file, columns=["policy", "task", "seed", "outcome"])
        named = rows[["policy", "task", "seed"]].iloc[0].to_dict()
        if named != {"policy": order.policy, "task": order.task, "seed": order.seed}:
            raise RunDamaged(f"{file} holds the run {named}, and not that of {order.title}: move it away")
        return bool((rows["outcome"] == "finished").all())
