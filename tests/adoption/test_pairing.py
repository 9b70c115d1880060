"""A pair runs both programs alike."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from evolve.adoption.pairing import run_pair
from evolve.adoption.records import Outcome, Pair
from evolve.errors import SandboxFault
from evolve.testing.adoptions import worth
from evolve.types import Cost, Evaluation, Program, Split, Status, Trial

OLD, NEW = worth(0.25), worth(0.5)
PAIR = Pair(confirmation=1, index=0, incumbent=3, challenger=7, seed=4711, challenger_first=False)


@dataclass
class Seen:
    """An evaluator that remembers what it was asked, and fails the first `faults` times."""

    faults: int = 0
    asked: list[tuple[Program, Split, int]] = field(default_factory=list)

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        self.asked.append((program, split, seed))
        if len(self.asked) <= self.faults:
            raise SandboxFault("gone")
        score = 0.25 if program is OLD else 0.5
        return Evaluation(status=Status.OK, score=score, fitness=score, cost=Cost(seconds=8 * score))

    def tell(self, trial: Trial) -> None:
        pass

    def close(self) -> None:
        pass


def test_both_get_the_same_seed_and_split_in_the_order_that_was_drawn() -> None:
    """Whoever is first, the outcome says which score is whose."""
    outcome = Outcome(incumbent=(0.25,), challenger=(0.5,))
    for first in (False, True):
        seen = Seen()
        pair = replace(PAIR, challenger_first=first)
        assert run_pair(pair, OLD, NEW, seen, families=("",), split="held_out") == outcome
        order = [NEW, OLD] if first else [OLD, NEW]
        assert seen.asked == [(program, "held_out", 4711) for program in order]


def test_after_a_fault_there_is_no_outcome() -> None:
    """It is never a score, of neither."""
    with pytest.raises(SandboxFault):
        run_pair(PAIR, OLD, NEW, Seen(faults=1), families=("",))
