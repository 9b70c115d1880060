"""The threads that work while the loop decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from evolve.errors import Fault

__all__ = ["Pools"]

Given = TypeVar("Given")
Answer = TypeVar("Answer")

_TURN = 0.1
"""Seconds after which the loop looks up from waiting, since a signal only sets a flag."""


class Pools:
    """Two pools, so that proposals that wait for models idle no evaluator, nor the other way round."""

    def __init__(self) -> None:
        self._halt = threading.Event()
        self._futures: set[Future[Any]] = set()
        self._evaluations: Executor | None = None

    @contextmanager
    def at_work(self, proposals: Executor, evaluations: Executor, patience: Sequence[float]) -> Iterator[None]:
        """Have these pools for what follows, and no longer. `patience` is seconds between tries after a `Fault`."""
        self._proposals, self._evaluations, self._patience = proposals, evaluations, patience
        try:
            yield
        finally:
            # after a failure a thread may be deep in a call; it ends when the evaluator is closed
            self.halt()
            self._halt = threading.Event()
            self._futures.clear()
            evaluations.shutdown(wait=False, cancel_futures=True)
            proposals.shutdown(wait=False, cancel_futures=True)

    def halt(self) -> None:
        """Let nobody wait for another try. May be called from any thread or signal."""
        self._halt.set()

    def propose(self, act: Callable[[], Answer]) -> Future[Answer]:
        """Have it done among the proposals."""
        return self._begun(self._proposals.submit(act))

    def tune(self, act: Callable[[], Answer]) -> Future[Answer]:
        """Have a proposal made among the evaluations: it asks nobody, and does not wait behind those who do."""
        assert self._evaluations is not None
        return self._begun(self._evaluations.submit(act))

    def evaluate(self, act: Callable[[], Answer]) -> Future[Answer]:
        """Have it done among the evaluations. A fault is never a score: it is tried again, and raised in the end."""
        assert self._evaluations is not None
        return self._begun(self._evaluations.submit(self._patiently, act, self._halt))

    def lend(self, act: Callable[[Given], Answer], given: Given) -> Answer:
        """On the thread of a proposal that asks for it: done where and when evaluations are; in a replay at once."""
        if self._evaluations is None:
            return act(given)
        return self._evaluations.submit(self._patiently, partial(act, given), self._halt).result()

    def finished(self) -> set[Future[Any]]:
        """What has come to an end since the last time; waits a moment for it."""
        done, self._futures = wait(self._futures, timeout=_TURN, return_when=FIRST_COMPLETED)
        return done

    def _begun(self, future: Future[Answer]) -> Future[Answer]:
        self._futures.add(future)
        return future

    def _patiently(self, act: Callable[[], Answer], halt: threading.Event) -> Answer:
        for pause in self._patience:
            try:
                return act()
            except Fault:
                if halt.wait(pause):
                    raise
        return act()
