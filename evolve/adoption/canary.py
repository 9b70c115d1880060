"""A newly adopted proposer takes a share of the proposals first, and goes when it does worse than the one before.

Trials come in blocks of `every`, and the new one takes the trial of each block that a draw says, which nobody chose. So
however proposals get harder or easier over time, the new one's is as likely to be any of its block, and by how much it
is behind the others of it has the mean 0 at most when it is no worse: bets as in `evolve.gates.sequential` tell. Two
are run, one on whether the program could be scored at all, one on whether it was better than what it was made from, and
each has half of the level.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from evolve.gates.sequential import BETS, bet, log_mean

__all__ = ["Canary", "Share", "Verdict"]

Verdict: TypeAlias = Literal["continue", "promote", "roll back"]
Told: TypeAlias = tuple[object, bool, bool]
"""Of a trial: which adopted program proposed it, as its note says, whether it was valid, and whether it was better."""
_EMPTY: Mapping[int, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One trial of `every` is the new one's, for so many `blocks`; the chance that one which is no worse is rolled back
    is at most `level`. Raises `ValueError` when so many blocks could not even show that every proposal fails."""

    every: int = 4
    blocks: int = 12
    level: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 2 or not 0.0 < self.level < 1.0:
            raise ValueError("a canary takes one trial of two or more, and its level is a chance between 0 and 1")
        worst: tuple[float, ...] = (0.0,) * len(BETS)
        for _ in range(self.blocks):
            worst = bet(worst, 1.0)
        if self.blocks < 1 or log_mean(worst) < self.needed:
            raise ValueError(
                f"a canary of {self.blocks} blocks could not be rolled back at the level {self.level:g}, even if all "
                f"of its proposals failed: give it more blocks"
            )

    @property
    def needed(self) -> float:
        """The log of the e-value at which it is rolled back."""
        return math.log(2.0 / self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The canary of trial `number`, which was adopted in the place of `before`; from block `begins` on. Frozen."""

    share: Share
    seed: int
    number: int
    before: int
    begins: int
    done: int = 0
    """Blocks that were counted."""
    told: Mapping[int, Mapping[int, Told]] = field(default_factory=lambda: _EMPTY)
    """Of blocks that are not complete, by trial."""
    failing: tuple[float, ...] = (0.0,) * len(BETS)
    lagging: tuple[float, ...] = (0.0,) * len(BETS)

    def takes(self, trial: int) -> bool:
        """Whether the new one proposes this trial."""
        block, place = divmod(trial, self.share.every)
        digest = hashlib.sha256(f"canary {self.seed} {self.number} {block}".encode()).digest()
        return block >= self.begins and place == int.from_bytes(digest[:8]) % self.share.every

    def tell(self, trial: int, reference: object, *, valid: bool, better: bool) -> Canary:
        """With one more trial. A block is counted when all of its trials were told, and each was proposed by whom it
        should have been; those that were in flight when the canary began are not."""
        block = trial // self.share.every
        if block < self.begins:
            return self
        members = {**self.told.get(block, {}), trial: (reference, valid, better)}
        others = {known: trials for known, trials in self.told.items() if known != block}
        if len(members) < self.share.every:
            return replace(self, told={**others, block: members})
        if any(who != (self.number if self.takes(at) else self.before) for at, (who, _, _) in members.items()):
            return replace(self, told=others)
        _, valid, better = next(said for at, said in members.items() if self.takes(at))
        rest = [said for at, said in members.items() if not self.takes(at)]
        return replace(
            self,
            told=others,
            done=self.done + 1,
            failing=bet(self.failing, fmean(other[1] for other in rest) - valid),
            lagging=bet(self.lagging, fmean(other[2] for other in rest) - better),
        )

    @property
    def reason(self) -> str:
        """Why it is rolled back, "" when it is not."""
        if log_mean(self.failing) >= self.share.needed:
            return f"its proposals fail more often than those of trial {self.before}, in {self.done} blocks"
        if log_mean(self.lagging) >= self.share.needed:
            return f"its proposals are better than their parents less often, in {self.done} blocks"
        return ""

    @property
    def verdict(self) -> Verdict:
        """What is to be done now."""
        if self.reason:
            return "roll back"
        return "promote" if self.done >= self.share.blocks else "continue"
