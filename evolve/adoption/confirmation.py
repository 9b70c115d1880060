"""One challenger against the incumbent, on fresh instances: which pairs are run, and what they have said so far."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from evolve.adoption.records import Change, Outcome, Pair, Screened
from evolve.errors import RunDamaged
from evolve.gates.sequential import Evidence, Verdict
from evolve.types import Program, Trial

__all__ = ["Confirmation", "fresh"]

_EMPTY: Mapping[int, Outcome] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A confirmation that was started. Frozen: `tell` gives a new one.

    Both programs are frozen from here on. `draws` are made by `fresh`, one for each pair: so a pair is the same after a
    kill, nobody could have known its instances when the programs were written, and none of them were seen before.
    """

    draws: tuple[int, ...]
    incumbent: Trial
    challenger: Trial
    change: Change
    screened: Screened
    evidence: Evidence
    outcomes: tuple[Outcome, ...] = ()
    """Of the pairs that the evidence holds, in order."""
    waiting: Mapping[int, Outcome] = field(default_factory=lambda: _EMPTY)
    """Of pairs that were scored before one that was drawn earlier."""

    @property
    def number(self) -> int:
        """Which confirmation of the lineage it is, from 1."""
        return self.evidence.confirmation

    def pair(self, index: int) -> Pair:
        """A pair of it, by its index from 0."""
        return Pair(
            confirmation=self.number,
            index=index,
            incumbent=self.incumbent.number,
            challenger=self.challenger.number,
            seed=self.draws[index] >> 1,
            challenger_first=bool(self.draws[index] & 1),
        )

    def next(self, running: Collection[Pair]) -> Pair | None:
        """The first pair that was not scored and is not `running`; None when there is none, or it is decided."""
        if self.evidence.verdict is not Verdict.CONTINUE:
            return None
        busy = {pair.index for pair in running if pair.confirmation == self.number}
        for index in range(len(self.outcomes), len(self.draws)):
            if index not in busy and index not in self.waiting:
                return self.pair(index)
        return None

    def tell(self, pair: Pair, outcome: Outcome) -> Confirmation:
        """With one more pair. Those that were drawn count in the order in which they were drawn: else one that ends
        soon when it is lost, or when it is won, would be heard first.

        Raises `RunDamaged` for a pair that is none of its own, or was told before.
        """
        if not 0 <= pair.index < len(self.draws) or pair != self.pair(pair.index):
            raise RunDamaged(f"{pair} is no pair of confirmation {self.number}, of trial {self.challenger.number}")
        if pair.index < len(self.outcomes) or pair.index in self.waiting:
            raise RunDamaged(f"pair {pair.index} of confirmation {self.number} was told twice")
        waiting, told = {**self.waiting, pair.index: outcome}, self
        while told.evidence.verdict is Verdict.CONTINUE and len(told.outcomes) in waiting:
            told = told._with(waiting.pop(len(told.outcomes)))
        return replace(told, waiting=waiting)

    def _with(self, outcome: Outcome) -> Confirmation:
        evidence, families = self.evidence, self.evidence.rules.families
        for family, before, after in zip(families, outcome.incumbent, outcome.challenger, strict=True):
            evidence = evidence.fold(family, after - before)
        return replace(self, evidence=evidence, outcomes=(*self.outcomes, outcome))


def fresh(
    seed: int, confirmation: int, incumbent: Program, challenger: Program, used: AbstractSet[int]
) -> Iterator[int]:
    """Draws for pairs: a seed of 31 bits, which is a seed anywhere, and one bit that says who is scored first.

    They follow from the run's seed, the number of the confirmation and both tree ids. None of the seeds is in `used`.
    """
    drawn: set[int] = set()
    for index in itertools.count():
        name = f"confirm {seed} {confirmation} {incumbent.tree} {challenger.tree} {index}"
        draw = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
        if (found := draw >> 1) not in used and found not in drawn:
            drawn.add(found)
            yield draw
