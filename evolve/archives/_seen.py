"""Seen: which trials were told before, since one that a race has corrected is told again."""

from __future__ import annotations

__all__ = ["Seen"]


class Seen:
    """Knows every number that was told, by those that are missing below the highest: trials in flight, a few."""

    def __init__(self) -> None:
        self._next = 0
        self._missing: set[int] = set()

    def tell(self, number: int) -> bool:
        """Whether it is told for the first time."""
        if number >= self._next:
            self._missing.update(range(self._next, number))
            self._next = number + 1
            return True
        if number in self._missing:
            self._missing.remove(number)
            return True
        return False
