"""A mix draws its proposers by weight, and falls back on another when one has nothing to say."""

from __future__ import annotations

import pytest

from evolve.proposers.mix import Mix
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.testing.trials import ask, selection, trial
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial, Usage


class Named:
    """Proposes a file of its name, or rejects, perhaps at a cost."""

    def __init__(self, name: str, rejected: str = "", calls: int = 0) -> None:
        self.name = name
        self.rejected = rejected
        self.calls = calls
        self.told: list[int] = []

    def plan(self, selection: Selection, context: Context) -> Plan:
        parent = selection.parents[0]
        program = parent.program if self.rejected else Program({self.name: b""})
        return lambda: Proposal(
            program=program,
            parents=(parent.number,),
            operator=self.name,
            summary="x",
            usage=Usage(calls=self.calls),
            rejected=self.rejected,
        )

    def tell(self, trial: Trial) -> None:
        self.told.append(trial.number)


def operators(mix: Mix, draws: int) -> list[str]:
    chosen = selection(trial(0, "x = 1\n"))
    return [mix.plan(chosen, ask(number))().operator for number in range(draws)]


def test_proposers_are_drawn_by_weight() -> None:
    """Three to one."""
    drawn = operators(Mix([(3.0, Named("a")), (1.0, Named("b"))]), 1000)
    assert drawn.count("a") == pytest.approx(750, abs=60)
    assert drawn.count("b") == 1000 - drawn.count("a")


def test_when_one_has_nothing_to_propose_another_is_asked() -> None:
    """Only when all have nothing the trial is a rejected one."""
    mix = Mix([(100.0, Named("a", "no")), (1.0, Named("b")), (1.0, Named("c", "no"))])
    assert set(operators(mix, 50)) == {"b"}
    both = Mix([(1.0, Named("a", "no")), (1.0, Named("b", "no"))])
    assert set(operators(both, 50)) == {"a", "b"}


def test_a_rejection_that_was_paid_for_is_kept() -> None:
    """What a model call used must be accounted for."""
    mix = Mix([(100.0, Named("a", "no", calls=1)), (1.0, Named("b"))])
    assert "a" in operators(mix, 20)


def test_every_proposer_is_told_of_every_trial() -> None:
    """Whoever proposed it."""
    proposers = [Named("a"), Named("b")]
    mix = Mix([(1.0, proposer) for proposer in proposers])
    for number in range(3):
        mix.tell(trial(number, "x = 1\n"))
    assert [proposer.told for proposer in proposers] == [[0, 1, 2], [0, 1, 2]]


def test_the_default_mix_holds_all_that_need_no_model() -> None:
    """And each of them gets its turn."""
    program = Program({"a.py": b"def f(x):\n    return x * 2 + 1\n"})
    mix = Mix.default(Regions(program))
    first = trial(0, program)
    other = trial(1, Program({"a.py": b"def f(x):\n    return (x - 3) * 7 + 1\n"}))
    drawn = {mix.plan(selection(first, other), ask(number))().operator for number in range(100)}
    assert drawn == {"mutation", "crossover", "tuner"}


@pytest.mark.parametrize("weights", [[], [0.0], [1.0, -1.0]])
def test_a_mix_of_nothing_is_refused(weights: list[float]) -> None:
    """At once."""
    regions = Regions(Program({"a.py": b"x = 1\n"}))
    with pytest.raises(ValueError, match="at least one proposer"):
        Mix([(weight, Tuner(regions)) for weight in weights])
