"""The account of a lease: each call is set aside at its worst before it is made, and counts with what it took then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from evolve.budget import Budget
from evolve.models.gateway_chat import Refusal
from evolve.models.meter import amounts
from evolve.types import Usage

__all__ = ["Account", "Unfit"]

_UNFIT = 10


class Account:
    """What is spent of a lease, and what is set aside. May be used by many threads at once.

    `limits` is how much of each resource there is, in calls that begin within so many `seconds`.
    """

    def __init__(self, limits: Mapping[str, int], seconds: float) -> None:
        self._budget = Budget(limits)
        self._end = time.monotonic() + seconds
        self._free = threading.Condition()
        self._used = Usage()
        self._flying = 0

    @property
    def used(self) -> Usage:
        """What the calls that were answered took."""
        with self._free:
            return self._used

    def reserve(self, most: Usage, over: Callable[[], None]) -> object:
        """Set the most of a call aside, once calls in flight leave enough over. Raises `Refusal`, as `over` does."""
        key, wanted = object(), amounts(most)
        with self._free:
            while True:
                over()
                left = self._end - time.monotonic()
                if left <= 0:
                    raise Refusal(429, "lease_expired", "the time of the lease is over")
                if (lacking := self._budget.take(key, wanted)) is None:
                    self._flying += 1
                    return key
                if self._flying == 0:
                    problem = f"the next call may take {wanted[lacking]} {lacking}, more than is left of the lease"
                    if lacking == "evaluations":
                        problem = "no evaluation is left of the lease"
                    raise Refusal(429, "lease_exhausted", problem)
                self._free.wait(left)

    def settle(self, key: object, took: Usage | None) -> None:
        """Put what a call took, or None, in the place of what was set aside."""
        with self._free:
            self._budget.settle(key, amounts(took or Usage()))
            self._used += took or Usage()
            self._flying -= 1
            self._free.notify_all()

    def wake(self) -> None:
        """Have those that wait look again whether it is over."""
        with self._free:
            self._free.notify_all()


class Unfit:
    """Counts what is sent that cannot be answered. It costs nothing, so it may be sent so often and no more: ten times,
    and once more for each call or evaluation that the lease has at first. May be used by many threads at once; those
    that send something while the last one is counted are not stopped any more.
    """

    def __init__(self, lease: Mapping[str, int]) -> None:
        self._left = {kind: _UNFIT + amount for kind, amount in lease.items()}
        self._turn = threading.Lock()

    def check(self, kind: str, what: str) -> None:
        """Raise `Refusal` when there were too many."""
        with self._turn:
            if self._left[kind] <= 0:
                raise Refusal(429, "lease_exhausted", f"too many {what}")

    def add(self, kind: str) -> None:
        """There was one more."""
        with self._turn:
            self._left[kind] -= 1
