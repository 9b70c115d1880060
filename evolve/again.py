"""What stands in for models and evaluators when a run is made again."""

from __future__ import annotations

from collections.abc import Callable

from evolve.errors import ModelFault
from evolve.types import Evaluation, Evaluator, Program, Reply, Request, Split, Status, Trial, Usage

__all__ = ["Anew", "Silent", "Unasked", "unknown"]


class Silent:
    """A model that nobody asks: what it said is in the transcript. Of what is not there it knows no answer."""

    def __init__(self, name: str, most: Callable[[Request], Usage]) -> None:
        self.name = name
        self._most = most

    def complete(self, request: Request) -> Reply:  # noqa: ARG002 - the protocol's
        """Raises `ModelFault`."""
        raise ModelFault(f"the transcript has no answer of {self.name} to this", sent=True)

    def most(self, request: Request) -> Usage:
        """As it was then: what was refused to a program, because its lease did not reach, is refused again."""
        return self._most(request)

    def close(self) -> None:
        """Nothing was started."""


class Anew:
    """Evaluates each trial that it is told of once more, and says to `witness` what comes out otherwise."""

    def __init__(self, evaluator: Evaluator, witness: Callable[[str], None]) -> None:
        self._evaluator, self._witness = evaluator, witness
        self.compared = 0

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """What the evaluator says."""
        return self._evaluator.evaluate(program, split=split, seed=seed)

    def tell(self, trial: Trial) -> None:
        """Evaluate it, if it was evaluated then."""
        before = trial.evaluation
        if before.status not in {Status.REJECTED, Status.DUPLICATE}:
            self.compared += 1
            now = self._evaluator.evaluate(trial.program)
            if (now.status, now.score) != (before.status, before.score):
                was = before.status if before.score is None else f"{before.score!r}"
                self._witness(
                    f"trial {trial.number}: its evaluation is {now.status if now.score is None else repr(now.score)}"
                    f" now, and was {was}"
                )
        self._evaluator.tell(trial)

    def close(self) -> None:
        """The evaluator is closed by whoever made it."""


def unknown(program: Program) -> Evaluation:
    """What a proposal hears of a program that it has not asked about before. Raises `ModelFault`."""
    raise ModelFault(f"the transcript has no evaluation of the program {program.tree}", sent=True)


class Unasked:
    """An evaluator that nobody asks: what it said is in the journal."""

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """Raises `AssertionError`."""
        raise AssertionError(f"a replay takes evaluations from the journal, and not of {program.tree}, {split}, {seed}")

    def tell(self, trial: Trial) -> None:
        """Nothing is learned."""

    def close(self) -> None:
        """Nothing was started."""
