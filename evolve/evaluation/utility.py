"""Utility: what a scaffold does, weighed against the tokens and the time that it takes."""

from __future__ import annotations

from dataclasses import replace

from evolve.evaluation.scorer import Around, Scorer
from evolve.types import Evaluation, Program, Split, Status

__all__ = ["Utility", "weighed"]


class Utility(Around):
    """Scores by score·s + tokens·(1 - min(1, t / tokens_most)) + seconds·(1 - min(1, u / seconds_most)).

    s is the score of `scorer`, t the metric "tokens" and u the seconds of the evaluation. The form is that of SICA
    (arXiv 2504.15228), with tokens in the place of dollars. The score itself becomes the metric "score"; instances go,
    for they are compared where there are any, and tokens are of an evaluation as a whole.
    """

    def __init__(
        self, scorer: Scorer, *, score: float, tokens: float, seconds: float, tokens_most: int, seconds_most: float
    ) -> None:
        super().__init__(scorer)
        self._score, self._tokens, self._seconds = score, tokens, seconds
        self._tokens_most, self._seconds_most = tokens_most, seconds_most

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """What failed stays as it is. Raises as the scorer does."""
        found = self._scorer.evaluate(program, split=split, seed=seed)
        if found.status is not Status.OK or found.score is None:
            return found
        used = found.metrics.get("tokens", 0)
        assert isinstance(used, int | float)
        utility = (
            self._score * found.score
            + self._tokens * (1.0 - min(1.0, used / self._tokens_most))
            + self._seconds * (1.0 - min(1.0, found.cost.seconds / self._seconds_most))
        )
        metrics = {**found.metrics, "score": found.score}
        return replace(found, score=utility, fitness=utility, metrics=metrics, instances={})


def weighed(
    scorer: Scorer, *, score: float, tokens: float, seconds: float, tokens_most: int, seconds_most: float
) -> Scorer:
    """The scorer, with its utility; as it is where the score alone has weight."""
    if score == 1.0:
        return scorer
    return Utility(
        scorer, score=score, tokens=tokens, seconds=seconds, tokens_most=tokens_most, seconds_most=seconds_most
    )
