"""Scorer: an evaluator of one task, and what is around one."""

from __future__ import annotations

from typing import Protocol

from evolve.types import Evaluator, Split, Trial

__all__ = ["Around", "Scorer"]


class Scorer(Evaluator, Protocol):
    """An evaluator of one task."""

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that it has."""

    @property
    def seeds(self) -> bool:
        """Whether repeats with other seeds may have other scores."""


class Around:
    """What all have in common that score with another scorer: who it is, and that it hears of all and is closed."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that the scorer has."""
        return self._scorer.splits

    @property
    def seeds(self) -> bool:
        """Whether the scorer takes a seed."""
        return self._scorer.seeds

    def tell(self, trial: Trial) -> None:
        """Tells the scorer."""
        self._scorer.tell(trial)

    def close(self) -> None:
        """Close the scorer."""
        self._scorer.close()
