"""A search on fakes with a gate before which all happens that can become of a challenger: a program to be killed.

``python -m evolve.testing.lineages PATH [COUNT PHASE]`` starts or resumes the run at PATH, works to its end, and prints
what was said, as (count, kind). With COUNT and PHASE it kills itself: when the gate has heard of COUNT trials and
events, replayed ones included, and the journal holds the next one but the gate has not heard of it ("before"), or it
has, and git knows nothing of that yet ("after"); or when a pair was scored and is in no journal ("during").
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from evolve.adoption.canary import Share
from evolve.adoption.controller import Adoption
from evolve.adoption.policy import Policy
from evolve.adoption.records import Review, Transition, encode_review
from evolve.adoption.referee import Referee
from evolve.gates.sequential import Rules
from evolve.scaffolds import REFERENCE
from evolve.testing.adoptions import OBJECTIVE, CoinEvaluator
from evolve.testing.fakes import NumberProposer, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Context, Gate, Json, Plan, Program, Proposal, Selection, Trial

__all__ = ["Mortal", "work"]

STEP, TRIALS = 20, 80
"""After so many trials a person answers what is asked; so many there are."""

POLICY = Policy(
    gate=Rules(cap=40, least=4, hopeful=10),
    every=2,
    lines_asked=1000,
    gain_asked=0.45,
    adoptions_most=100,
    canary=Share(every=2, blocks=9),
)


def chance(program: Program) -> float:
    """How often a program is right: 0.1 for the seed, which is 3 away from the best one, to 0.95."""
    return min(max(0.1, 1.0 + number_score(program) * 0.3), 0.95)


class Mortal:
    """A gate that ends this process at a moment, once it is `armed`. `count` is what it was told of, `trials` how many
    trials were among that, `answered` how many when a person answered last, and `said` what followed, with the count
    then."""

    def __init__(self, make: Callable[[Callable[[Transition], None]], Gate], moment: tuple[int, str] | None) -> None:
        self.count, self.trials, self.answered, self.armed = 0, 0, 0, False
        self.said: list[tuple[int, str]] = []
        self._moment = moment
        self._gate = make(lambda transition: self.said.append((self.count, transition.kind)))

    def tell(self, trial: Trial) -> None:
        """As the gate."""
        self.trials += 1
        self._heard(partial(self._gate.tell, trial))

    def fold(self, event: Mapping[str, Json]) -> None:
        """As the gate."""
        self._heard(partial(self._gate.fold, event))
        self.answered = self.trials if event["what"] == "review" else self.answered

    def next(self) -> Callable[[], Mapping[str, Json]] | None:
        """As the gate."""
        work = self._gate.next()
        return partial(self._scored, work) if work is not None else None

    def _heard(self, hear: Callable[[], None]) -> None:
        self._die("before")
        hear()
        self._die("after")
        self.count += 1

    def _scored(self, work: Callable[[], Mapping[str, Json]]) -> Mapping[str, Json]:
        event = work()
        self._die("during")
        return event

    def _die(self, phase: str) -> None:
        if self.armed and self._moment is not None and phase == self._moment[1] and self.count >= self._moment[0]:
            os.kill(os.getpid(), signal.SIGKILL)


class Referring(NumberProposer):
    """Proposes as the adopted program, whose name its notes hold. Those whose number can be divided by three are
    vandals, which propose nothing."""

    def __init__(self, adoption: Adoption) -> None:
        super().__init__()
        self._adoption = adoption

    def plan(self, selection: Selection, context: Context) -> Plan:
        """By who is adopted now."""
        who = self._adoption.proposer(context.number)
        return partial(self._made, selection, context, who.number, who.number > 0 and who.number % 3 == 0)

    def _made(self, selection: Selection, context: Context, reference: int, vandal: bool) -> Proposal:
        made = self.propose(selection, context)
        program, rejected = (selection.parents[0].program, "it proposes nothing") if vandal else (made.program, "")
        return Proposal(
            program=program,
            parents=made.parents,
            operator=made.operator,
            summary=made.summary,
            note={REFERENCE: reference},
            rejected=rejected,
        )


def work(path: Path, moment: tuple[int, str] | None = None) -> list[tuple[int, str]]:
    """Go on with the run at `path` to its end, and return what was said; or end this process at a moment.

    What limit the last session had is in a file beside the run: who resumes with a lower one gets another order.
    """
    said: list[tuple[int, str]] = []
    place = path.with_name(f"{path.name}.limit")
    begin = int(place.read_text(encoding="utf-8")) if place.exists() else STEP
    for trials in range(begin, TRIALS + 1, STEP):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(trials), encoding="utf-8")
        adoption = Adoption(POLICY, seed=1)

        def make(lineage: Any, adoption: Adoption = adoption) -> Mortal:
            return Mortal(
                lambda hear: Referee(adoption, CoinEvaluator(chance), lineage, objective=OBJECTIVE, on_transition=hear),
                moment,
            )

        with open_evolution(path, trials=trials, gate=make, proposer=Referring(adoption)) as evolution:
            gate = evolution.gate
            assert isinstance(gate, Mortal)
            gate.armed = True
            evolution.run()
            # a run that was taken up again may have had the answer, and ask the next question already
            if adoption.question is not None and gate.trials == trials + 1 > gate.answered:
                number = adoption.question.number
                evolution.hear(encode_review(Review(number=number, approve=number % 2 == 0, reason="by its number")))
            said = gate.said
    return said


if __name__ == "__main__":
    at = (int(sys.argv[2]), sys.argv[3]) if len(sys.argv) > 2 else None
    print(json.dumps(work(Path(sys.argv[1]), at)))  # noqa: T201 - for whoever started it
