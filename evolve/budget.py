"""What may be spent: reserved before, settled after.

Every amount but seconds is a whole number, so sums are exact. What is reserved counts as spent until it is settled, so
that many workers cannot overshoot together. May be used by several threads at once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Mapping
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
        self._reserved, self._held, self._lost = _Amounts(), _Amounts(), _Amounts()
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
            if key in self._reserved.by_key:
                raise ValueError(f"{key!r} already holds a reservation")
            if (short := self.lacking(amounts)) is None:
                self._reserved.put(key, amounts)
            return short

    def hold(self, key: Hashable, amounts: Mapping[str, int], *, lost: bool = False) -> None:
        """Count `amounts` under `key` in place of what it held, whatever the limits: they are used already, and what
        used them is not settled. With `lost` they may be used, and nobody will ever know."""
        self._check(amounts)
        with self._turn:
            (self._lost if lost else self._held).put(key, amounts)

    def settle(self, key: Hashable, actual: Mapping[str, int], *more: Hashable) -> None:
        """Put what was really used in the place of what is reserved and held under `key`, and under `more` keys."""
        self._check(actual)
        with self._turn:
            for each in (key, *more):
                for amounts in (self._reserved, self._held, self._lost):
                    amounts.drop(each)
            for resource, amount in actual.items():
                self.spent[resource] += amount

    def committed(self, resource: str) -> int:
        """What is spent, held or reserved of a resource."""
        with self._turn:
            kept = (self._reserved, self._held, self._lost)
            return self.spent[resource] + sum(amounts.total[resource] for amounts in kept)

    def unsettled(self) -> dict[str, int]:
        """What is held and not lost, by resource; resources of which nothing is are left out."""
        with self._turn:
            return {resource: self._held.total[resource] for resource in RESOURCES if self._held.total[resource]}

    def reserved(self, key: Hashable) -> Mapping[str, int]:
        """What is reserved under a key."""
        with self._turn:
            return dict(self._reserved.by_key.get(key, {}))

    def reserving(self, resource: str) -> set[Hashable]:
        """The keys under which something of a resource is reserved."""
        with self._turn:
            return {key for key, amounts in self._reserved.by_key.items() if amounts.get(resource)}

    @staticmethod
    def _check(amounts: Mapping[str, int]) -> None:
        for resource, amount in amounts.items():
            if resource not in RESOURCES:
                raise ValueError(f"{resource!r} is not a resource; there are {', '.join(RESOURCES)}")
            if amount < 0:
                raise ValueError(f"{resource} cannot be {amount}: an amount is at least 0")


class _Amounts:
    """Amounts by key, and their sums: those of a run whose evaluations ask models have thousands of keys."""

    def __init__(self) -> None:
        self.by_key: dict[Hashable, Mapping[str, int]] = {}
        self.total: Counter[str] = Counter()

    def put(self, key: Hashable, amounts: Mapping[str, int]) -> None:
        self.drop(key)
        self.by_key[key] = dict(amounts)
        self.total.update(amounts)

    def drop(self, key: Hashable) -> None:
        self.total.subtract(self.by_key.pop(key, {}))
