"""A lane with a proposer of its own: neither hears of the other."""

from __future__ import annotations

from evolve.proposers.apart import Apart
from evolve.testing.trials import ask, told, trial
from evolve.types import Context, Plan, Proposal, Selection, Trial


class Named:
    """Proposes nothing new, under its name, and remembers what it was told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[int] = []

    def plan(self, selection: Selection, context: Context) -> Plan:
        program = selection.parents[0].program
        return lambda: Proposal(program=program, parents=(0,), operator=self.name, summary="x")

    def tell(self, trial: Trial) -> None:
        self.told.append(trial.number)


def test_each_hears_of_its_own_trials_and_both_of_the_seed() -> None:
    """And each is asked where its lane is."""
    own, rest = Named("own"), Named("rest")
    apart = Apart("beside", own, rest)
    seed = trial(0, "x = 1\n")
    apart.tell(seed)
    for number, lane in enumerate(["beside", "", "1", "beside"], start=1):
        proposal = apart.plan(Selection(parents=(seed,), lane=lane), ask(number))()
        assert proposal.operator == ("own" if lane == "beside" else "rest")
        apart.tell(told(number, proposal, 1.0, lane))
    assert own.told == [0, 1, 4]
    assert rest.told == [0, 2, 3]
