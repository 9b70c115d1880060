"""A search in which everything happens that can happen in one, on fakes: to be stopped and killed at any moment."""

from __future__ import annotations

import hashlib
from typing import Any

from evolve.adoption.controller import Adoption
from evolve.adoption.policy import Policy
from evolve.adoption.referee import Referee
from evolve.archives.top import Top
from evolve.archives.tuned import Tuned
from evolve.evaluation.repeats import Race, Repeats
from evolve.gates.sequential import Rules
from evolve.lineage import Lineage
from evolve.proposers.tuner import Tuner
from evolve.proposers.woven import Woven
from evolve.regions import Regions
from evolve.testing.adoptions import CoinEvaluator
from evolve.testing.fakes import FunctionEvaluator, NoisyEvaluator
from evolve.testing.models import ScriptedModel
from evolve.types import Context, Evaluation, Plan, Program, Proposal, Request, Selection, Status, Trial

__all__ = ["MoodyProposer", "moody_settings"]


class MoodyProposer:
    """Does by the dice all that a proposer can: asks models, repeats what was tried, changes what it must not, has
    nothing to say. What it does depends on what it was told of, so that order matters.

    Values are multiples of `grain`; a coarse one makes for many duplicates. Programs have up to `terms` literals.
    """

    def __init__(self, grain: float = 1.0, terms: int = 1) -> None:
        self.model = ScriptedModel(_answer)
        self.told = 0
        self._grain, self._terms = grain, terms

    def plan(self, selection: Selection, context: Context) -> Plan:
        """Something or other."""
        told, first = self.told, selection.parents[0]
        parents = (first.number, *(trial.number for trial in selection.inspirations[:1]))

        def work() -> Proposal:
            mood, value = context.rng.random(), float(context.rng.normal(0, 3))
            given: dict[str, Any] = {"parents": parents, "operator": "moody", "summary": f"after {told} trials"}
            if mood < 0.15:
                return Proposal(program=first.program, rejected="nothing comes to mind", **given)
            if mood < 0.3:
                return Proposal(program=self._program(value, "x = 1"), **given)
            if mood < 0.6:
                question = f"after {told} trials, {first.number} was best: what now?"
                for number in range(2):
                    request = Request(messages=(("user", question + "!" * number),), max_tokens=9)
                    value = float(context.ask(self.model, request).text)
            return Proposal(program=self._program(value), **given)

        return work

    def tell(self, trial: Trial) -> None:  # noqa: ARG002 - the protocol's
        """Count."""
        self.told += 1

    def _program(self, value: float, frozen: str = "x = 0") -> Program:
        number = round(value / self._grain)
        return _program(number * self._grain, frozen, terms=1 + abs(number) % self._terms)


def moody_settings(
    *, races: bool = False, tuned: bool = False, gated: bool = False, grain: float = 1.0
) -> dict[str, Any]:
    """Settings for `open_evolution`, of things that nobody has used; with `races`, scores are noisy, and with `tuned`
    literals are tuned beside the search. With `gated` a gate confirms what looks better."""
    seed = _program(0.0)
    moody = MoodyProposer(grain, terms=4 if tuned else 1)
    given: dict[str, Any] = {"seed_program": seed, "regions": Regions(seed), "proposer": moody, "models": [moody.model]}
    if tuned:
        archive = Tuned(Top(), screen=4, each=3, most=9)
        tuner = Tuner(given["regions"], elsewhere=False)
        given |= {"archive": archive, "tuning": archive, "proposer": Woven(moody, tuner)}
    if gated:
        given["gate"] = _referee
    if not races:
        return given | {"evaluator": FunctionEvaluator(_evaluate)}
    repeats = Repeats(NoisyEvaluator(_score, lambda rng: 2 * float(rng.normal())), race=Race(most=4, least=3))
    return given | {"evaluator": repeats, "reservation": {"trials": 1, "evaluations": repeats.most}}


def _referee(lineage: Lineage) -> Referee:
    gate = Rules(cap=30, least=4, hopeful=10)
    policy = Policy(gate=gate, every=2, gain_asked=1.0, canary=None)
    coins = CoinEvaluator(lambda program: max(0.05, 1.0 + _score(program) / 4.0))
    return Referee(Adoption(policy, seed=3), coins, lineage, objective="0" * 40)


def _program(value: float, frozen: str = "x = 0", terms: int = 1) -> Program:
    line = " + ".join(["y = " + str(value), *["1.0"] * (terms - 1)])
    return Program({"program.py": f"{frozen}\n# EVOLVE-BLOCK-START\n{line}\n# EVOLVE-BLOCK-END\n".encode()})


def _score(program: Program) -> float:
    line = program.text("program.py").split("\n")[2].removeprefix("y = ")
    return -abs(sum(float(term) for term in line.split(" + ")) - 3.0)


def _evaluate(program: Program) -> float | Evaluation:
    score = _score(program)
    return Evaluation(status=Status.FAILED, feedback="too far") if score < -6.0 else score


def _answer(request: Request) -> str:
    """The same for the same question, whenever it is asked."""
    digest = hashlib.sha256(request.messages[0][1].encode()).digest()
    return str(digest[0] / 40 - 3.0)
