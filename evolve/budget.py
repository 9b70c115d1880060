"""What may be spent: reserved before, settled after.

Every amount but seconds is a whole number, so sums are exact. What is reserved counts as spent until it is settled, so
that many workers cannot overshoot together. May be used by several threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["RESOURCES", "Budget"]

RESOURCES = ("trials", "evaluations", "calls", "tokens", "nanodollars")
"""What is counted, beside seconds. Money is in whole nano-dollars (1e-9 dollars)."""


@dataclass
class Budget:
    """Limits on what a run may spend; a resource without a limit is counted all the same.

    `limits` maps names of `RESOURCES` to whole numbers. `seconds` bounds the time in which new trials are begun.
    Raises `ValueError` for an unknown resource or a negative amount.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    elapsed: float = 0.0
    """Seconds this run has worked so far, in all its sessions together."""

    def __post_init__(self) -> None:
        self._check(self.limits)
        self.spent = dict.fromkeys(RESOURCES, 0)
        self._reserved: dict[Hashable, dict[str, int]] = {}
        self._turn = threading.RLock()

    def shortage(self, amounts: Mapping[str, int]) -> str | None:
        """The first resource of which there is not enough left for `amounts`, or None."""
        if self.seconds is not None and self.elapsed >= self.seconds:
            return "seconds"
        return self.lacking(amounts)

    def lacking(self, amounts: Mapping[str, int]) -> str | None:
        """The first resource but time of which there is not enough left for `amounts`, or None."""
        with self._turn:
            for resource, amount in amounts.items():
                limit = self.limits.get(resource)
                if limit is not None and self.committed(resource) + amount > limit:
                    return resource
        return None

    def reserve(self, key: Hashable, amounts: Mapping[str, int]) -> bool:
        """Set `amounts` aside under `key`; False, with nothing changed, when they are not there.

        Raises `ValueError` when the key already holds a reservation.
        """
        with self._turn:
            return self.shortage({}) is None and self.take(key, amounts) is None

    def take(self, key: Hashable, amounts: Mapping[str, int]) -> str | None:
        """The same, whatever the time: None, or the first resource of which there is not enough left."""
        self._check(amounts)
        with self._turn:
            if key in self._reserved:
                raise ValueError(f"{key!r} already holds a reservation")
            if (short := self.lacking(amounts)) is None:
                self._reserved[key] = dict(amounts)
            return short

    def hold(self, key: Hashable, amounts: Mapping[str, int]) -> None:
        """Set `amounts` aside under `key` in place of what it held, whatever the limits: they are used already."""
        self._check(amounts)
        with self._turn:
            self._reserved[key] = dict(amounts)

    def settle(self, key: Hashable, actual: Mapping[str, int]) -> None:
        """Put what was really used in the place of the reservation under `key`, if there is one."""
        self._check(actual)
        with self._turn:
            self._reserved.pop(key, None)
            for resource, amount in actual.items():
                self.spent[resource] += amount

    def committed(self, resource: str) -> int:
        """What is spent or reserved of a resource."""
        with self._turn:
            return self.spent[resource] + sum(amounts.get(resource, 0) for amounts in self._reserved.values())

    def reserved(self, resource: str, keys: Iterable[Hashable]) -> int:
        """What is reserved of a resource under these keys."""
        with self._turn:
            return sum(self._reserved.get(key, {}).get(resource, 0) for key in keys)

    @staticmethod
    def _check(amounts: Mapping[str, int]) -> None:
        for resource, amount in amounts.items():
            if resource not in RESOURCES:
                raise ValueError(f"{resource!r} is not a resource; there are {', '.join(RESOURCES)}")
            if amount < 0:
                raise ValueError(f"{resource} cannot be {amount}: an amount is at least 0")
