"""A gate of bets: is the challenger really better than the incumbent? It may be asked after every round of pairs.

In a pair both programs are scored in [0, 1] on the same fresh instance, and d in [-1, 1] is by how much the challenger
was ahead. Somebody who bets the share λ of a purse on "ahead" has Π(1 + λd) of it after some pairs. When the challenger
is no better, no way of betting makes the purse grow on average, so (Ville, 1939) the chance that it ever becomes
1/alpha times as large is at most alpha, whenever one looks and stops. The e-value here is the mean of five purses, each
with a λ of its own, since nobody knows beforehand how large the gain is (Waudby-Smith and Ramdas, 2024, "Estimating
means of bounded random variables by betting"; a mean of e-values is one).

Many challengers come to one lineage, so the k-th confirmation that is started in it, whatever became of those before,
has the level alpha_k = alpha·6/(π²k²). These levels add up to alpha: the chance that a lineage, however long, ever
adopts a challenger that is no better is at most alpha.

What that takes: both programs are frozen before the instances are drawn, instances are drawn independently of each
other and of everything that was scored before, and pairs are folded in the order in which they were drawn, not in the
one in which they end. `evolve.adoption` sees to all three.

*Families.* Instances come from families (downstream tasks), and a challenger is better when it is ahead in the mean
over them. A round is one pair of each family, in a fixed order, and nothing is decided within a round. With μ_f the
mean of family f of F, a round multiplies a purse by Π(1 + λμ_f) in expectation, which by the inequality of the means is
at most (1 + λ·mean μ_f)^F: so at the ends of rounds the bound holds whatever single families do. Within a round it
would not, were families that gain to come first.

*Veto.* Against each family runs a purse of its own, which bets that the challenger is behind there. At F/veto times its
start the challenger is rejected, however well it does elsewhere. The chance that one which is behind in no family is
ever vetoed is at most `veto`: that error costs a good change, and is bounded. The other error, a regression that is
adopted, is not, since a small one cannot be seen in few pairs. So nobody is adopted before `least` rounds, nor as long
as any family's purse is fuller than it was: in doubt there are more pairs, and at the cap the incumbent stays. The
evidence says what each family gained or lost. `benchmarks/gate.py` measures both errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

__all__ = ["BETS", "Evidence", "Rules", "Tally", "Verdict", "bet", "log_mean"]

BETS = (0.1, 0.2, 0.4, 0.6, 0.8)
"""The shares λ that are bet. All below 1, so that no purse is ever empty."""


class Verdict(StrEnum):
    """What a gate says. `FUTILE`, `CAPPED` and `VETOED` reject: nothing to hope for, nothing shown, a family behind."""

    CONTINUE = "continue"
    ADOPT = "adopt"
    FUTILE = "futile"
    CAPPED = "capped"
    VETOED = "vetoed"

    @property
    def rejects(self) -> bool:
        """Whether the incumbent stays, for good."""
        return self not in {Verdict.CONTINUE, Verdict.ADOPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What it takes to be adopted. Raises `ValueError` for rules that nobody could pass, or that promise nothing.

    Args:
        families: of instances; a round is one pair of each.
        alpha: the chance that a lineage ever adopts a challenger that is no better.
        cap: pairs after which a challenger that has not been shown to be better is rejected.
        futility: an e-value below which it is rejected, after `hopeful` pairs.
        veto: the chance that a challenger which is behind in no family is vetoed.
        least: rounds before anybody is adopted, so that every family has been looked at.
    """

    families: tuple[str, ...] = ("",)
    alpha: float = 0.10
    cap: int = 240
    futility: float = 0.2
    hopeful: int = 30
    veto: float = 0.2
    least: int = 10

    def __post_init__(self) -> None:
        if not self.families or len(set(self.families)) < len(self.families):
            raise ValueError(f"families are names, at least one and none twice, not {self.families!r}")
        for name in ("alpha", "veto"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name} is a chance between 0 and 1, not {getattr(self, name)!r}")
        if not 0.0 <= self.futility < 1.0:
            raise ValueError(f"futility is an e-value from 0 up to 1, where nothing is known, not {self.futility!r}")
        if self.least < 1 or self.hopeful < 0:
            raise ValueError("least is at least 1 round, and hopeful at least 0 pairs")
        if self.rounds < self.least:
            raise ValueError(
                f"a cap of {self.cap} pairs does not reach for {self.least} rounds of {len(self.families)} families: "
                f"raise it to {self.least * len(self.families)}, take fewer families, or lower least"
            )

    @property
    def rounds(self) -> int:
        """How many whole rounds fit below the cap."""
        return self.cap // len(self.families)

    def level(self, confirmation: int) -> float:
        """alpha_k: the chance that confirmation k of a lineage, k from 1, adopts a challenger that is no better."""
        if confirmation < 1:
            raise ValueError(f"confirmations are counted from 1, not from {confirmation}")
        return self.alpha * 6.0 / (math.pi * confirmation) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What is known of one family: the number of pairs, the sum of d and of d², and the logs of the purses that bet on
    the incumbent."""

    pairs: int = 0
    total: float = 0.0
    squares: float = 0.0
    purses: tuple[float, ...] = (0.0,) * len(BETS)

    def fold(self, d: float) -> Tally:
        """With one more pair."""
        return Tally(
            pairs=self.pairs + 1,
            total=self.total + d,
            squares=self.squares + d * d,
            purses=bet(self.purses, -d),
        )

    @property
    def mean(self) -> float:
        """By how much the challenger was ahead; 0 without pairs."""
        return self.total / self.pairs if self.pairs else 0.0

    @property
    def log_e(self) -> float:
        """The log of the e-value against "the challenger is not behind in this family"."""
        return log_mean(self.purses)


@dataclass(frozen=True)
class Evidence:
    """All that was seen in the k-th confirmation of a lineage, as far as its decision goes. Frozen: `fold` gives a new
    one, and the same pairs in the same order give the same one, to the bit."""

    rules: Rules
    confirmation: int
    tallies: tuple[Tally, ...] = ()
    """Of each family, in the order of `rules.families`."""
    purses: tuple[float, ...] = field(default=(0.0,) * len(BETS))
    """The logs of the purses that bet on the challenger."""

    def __post_init__(self) -> None:
        self.rules.level(self.confirmation)
        if not self.tallies:
            object.__setattr__(self, "tallies", (Tally(),) * len(self.rules.families))

    def fold(self, family: str, d: float) -> Evidence:
        """With one more pair, in which the challenger was ahead by `d`.

        Raises `ValueError` for a `d` outside of [-1, 1] or that is no number, for a pair that is not the next one of
        its round, and after the decision: what comes then cannot change it.
        """
        if not -1.0 <= d <= 1.0:
            raise ValueError(f"a difference of two scores in [0, 1] lies in [-1, 1]; {d!r} does not")
        if self.verdict is not Verdict.CONTINUE:
            raise ValueError(f"confirmation {self.confirmation} is decided ({self.verdict}); no pair can change that")
        if family != self.family:
            raise ValueError(f"pair {self.pairs} is one of {self.family!r}, not of {family!r}")
        at = self.pairs % len(self.tallies)
        tallies = (*self.tallies[:at], self.tallies[at].fold(float(d)), *self.tallies[at + 1 :])
        return replace(self, tallies=tallies, purses=bet(self.purses, float(d)))

    @property
    def family(self) -> str:
        """Which family the next pair is of."""
        return self.rules.families[self.pairs % len(self.rules.families)]

    @cached_property
    def pairs(self) -> int:
        """How many were folded."""
        return sum(tally.pairs for tally in self.tallies)

    @property
    def mean(self) -> float:
        """By how much the challenger was ahead in a pair. Who was adopted looks better than it is by this: the luckier
        a challenger, the sooner it stops."""
        return math.fsum(tally.total for tally in self.tallies) / self.pairs if self.pairs else 0.0

    @property
    def square(self) -> float:
        """The mean of d²; 0 without pairs."""
        return math.fsum(tally.squares for tally in self.tallies) / self.pairs if self.pairs else 0.0

    @property
    def level(self) -> float:
        """alpha_k."""
        return self.rules.level(self.confirmation)

    @property
    def log_e(self) -> float:
        """The log of the e-value against "the challenger is no better"."""
        return log_mean(self.purses)

    @property
    def behind(self) -> tuple[str, ...]:
        """The families in which the challenger has been shown to be behind; where there is one, that is the mean, of
        which the bound and futility speak."""
        if len(self.tallies) == 1:
            return ()
        needed = math.log(len(self.tallies) / self.rules.veto)
        named = zip(self.rules.families, self.tallies, strict=True)
        return tuple(name for name, tally in named if tally.log_e >= needed)

    @cached_property
    def verdict(self) -> Verdict:
        """What is to be done, given all that was folded."""
        if self.pairs % len(self.tallies):
            return Verdict.CONTINUE
        rounds = self.pairs // len(self.tallies)
        if self.behind:
            return Verdict.VETOED
        in_doubt = len(self.tallies) > 1 and any(tally.log_e > 0.0 for tally in self.tallies)
        if rounds >= self.rules.least and self.log_e >= -math.log(self.level) and not in_doubt:
            return Verdict.ADOPT
        if rounds >= self.rules.rounds:
            return Verdict.CAPPED
        if self.pairs >= self.rules.hopeful and self.log_e < math.log(self.rules.futility or 5e-324):
            return Verdict.FUTILE
        return Verdict.CONTINUE


def bet(purses: tuple[float, ...], d: float) -> tuple[float, ...]:
    """The logs of the purses after a pair with this `d`."""
    return tuple(purse + math.log1p(share * d) for purse, share in zip(purses, BETS, strict=True))


def log_mean(logs: tuple[float, ...]) -> float:
    """The log of the mean of the numbers that have these logs; it never overflows."""
    highest = max(logs)
    return highest + math.log(math.fsum(math.exp(log - highest) for log in logs) / len(logs))
