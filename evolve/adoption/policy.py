"""What is allowed on the way from a trial to the adopted reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from evolve.adoption.canary import Share
from evolve.gates.sequential import Rules

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits of a lineage of adopted programs. Raises `ValueError` for limits that contradict each other.

    Args:
        gate: what it takes to be adopted.
        every: trials from one confirmation's start to the next one's; the best of those on the reusable pairs is
            confirmed. Each confirmation makes the next ones harder, so patience is cheaper than pairs.
        lines_most: lines that one step may change; a larger one is not tried.
        lines_asked: lines above which a person is asked.
        gain_asked: the gain a pair above which a person is asked.
        adoptions_most: adoptions allowed in the last `adoptions_window` trials.
        canary: the share of the proposals that a newly adopted one takes first; None to give it all of them at once.
    """

    gate: Rules = field(default_factory=Rules)
    every: int = 3
    lines_most: int = 1000
    lines_asked: int = 300
    gain_asked: float = 0.5
    adoptions_most: int = 3
    adoptions_window: int = 50
    canary: Share | None = field(default_factory=Share)

    def __post_init__(self) -> None:
        for name in ("every", "lines_most", "adoptions_most", "adoptions_window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)!r}")
        if not 0 <= self.lines_asked <= self.lines_most:
            raise ValueError(
                f"a person is asked above {self.lines_asked} lines, and above {self.lines_most} nothing is tried: the "
                f"first of the two is the smaller one"
            )
        if not 0.0 <= self.gain_asked <= 1.0:
            raise ValueError(f"gain_asked is a difference of scores between 0 and 1, not {self.gain_asked!r}")
