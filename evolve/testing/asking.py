"""A proposer that asks models for numbers: small enough to see what calls do, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from evolve.regions import Regions
from evolve.types import Context, Model, Plan, Proposal, Request, Selection, Trial

__all__ = ["NumberAsker", "TwiceAsker"]

_NUMBER = re.compile(r"-?\d+\.\d+")


class NumberAsker:
    """Asks for a new value for the first number with a point in the program, and puts it there.

    `questions` is how many calls it makes for one proposal: the last answer counts.
    """

    questions = 1

    def __init__(self, _regions: Regions, models: Sequence[tuple[Model, float]]) -> None:
        self._models = [model for model, _ in models]
        weights = np.array([weight for _, weight in models])
        self._chances = weights / weights.sum()

    def plan(self, selection: Selection, context: Context) -> Plan:
        """Choose a model by its weight, and what to ask it."""
        parent = selection.parents[0]
        model = self._models[int(context.rng.choice(len(self._models), p=self._chances))]
        (path,) = parent.program.files
        text = parent.program.text(path)
        found = _NUMBER.search(text)
        before = found.group() if found else ""
        request = Request(
            messages=(("system", "Answer with a number."), ("user", f"trial {context.number}: instead of {before}?")),
            max_tokens=20,
        )

        def work() -> Proposal:
            for _ in range(self.questions):
                reply = context.ask(model, request)
            said = _NUMBER.search(reply.text)
            rejected = "" if found and said else f"the answer holds no number ({reply.finish}): {reply.text[:100]}"
            after = said.group() if said else before
            program = parent.program.replace({path: text.replace(before, after, 1).encode()})
            return Proposal(
                program=parent.program if rejected else program,
                parents=(parent.number,),
                operator="ask",
                summary=f"{before} becomes {after}",
                rejected=rejected,
            )

        return work

    def tell(self, trial: Trial) -> None:
        """Learn nothing."""


class TwiceAsker(NumberAsker):
    """Asks two questions for one proposal, so that a kill comes between them."""

    questions = 2
