"""Proposers that ask models for numbers: small enough to see what calls do, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from evolve.models.gateway import Lease, open_lease
from evolve.regions import Regions
from evolve.sandboxes.harness import home
from evolve.testing.gateways import ask
from evolve.types import Context, Model, Plan, Proposal, Request, Selection, Trial

__all__ = ["NumberAsker", "RelayAsker", "TwiceAsker"]

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


class RelayAsker(NumberAsker):
    """Asks three questions at a time through a gateway, and then one after another, until its lease is used up.

    It is for `number_answer`, at a price of 1/10. At most a call takes 330,000 nano-dollars, and really between 16,000
    and 80,000: so the lease always reaches for three, and never for all ten.
    """

    _LEASE = Lease(calls=10, tokens=10**6, nanodollars=600_000, seconds=3600.0, models=("fake",))

    def plan(self, selection: Selection, context: Context) -> Plan:
        """What to ask is decided by the parent and the number of the trial."""
        parent = selection.parents[0]
        (path,) = parent.program.files
        text = parent.program.text(path)
        found = _NUMBER.search(text)
        assert found is not None

        def said(question: str) -> dict[str, object]:
            content = f"trial {context.number}, question {question}: instead of {found.group()}?"
            return {"model": "fake", "messages": [{"role": "user", "content": content}], "max_tokens": 20}

        def work() -> Proposal:
            with open_lease(self._LEASE, context.relay, self._models, folder=home()) as gateway:
                with ThreadPoolExecutor(3) as pool:
                    answers = list(pool.map(lambda number: ask(gateway.socket, said(str(number))), range(3)))
                answers += [ask(gateway.socket, said(str(number))) for number in range(3, 10)]
            served = [document["choices"][0]["message"]["content"] for status, document in answers if status == 200]
            numbers = [float(each) for each in served]
            after = f"{sum(numbers) / len(numbers):.6f}"
            return Proposal(
                program=parent.program.replace({path: text.replace(found.group(), after, 1).encode()}),
                parents=(parent.number,),
                operator="relay",
                summary=f"{found.group()} becomes {after}, after {len(served)} answers",
            )

        return work
