"""A pair is run: both programs, the same seed, one right after the other."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.adoption.records import Outcome, Pair
from evolve.types import Evaluation, Evaluator, Program, Split

__all__ = ["run_pair"]


def run_pair(
    pair: Pair,
    incumbent: Program,
    challenger: Program,
    evaluator: Evaluator,
    *,
    families: Sequence[str],
    split: Split = "search",
) -> Outcome:
    """Score both programs of a pair with its seed, in its order. May run on several threads at once.

    Raises what the evaluator raises: after a fault nothing is known of the pair, and both sides of it are run again, so
    that neither is ever scored in better weather than the other.
    """

    def evaluated(program: Program) -> Evaluation:
        return evaluator.evaluate(program, split=split, seed=pair.seed)

    if pair.challenger_first:
        after, before = evaluated(challenger), evaluated(incumbent)
    else:
        before, after = evaluated(incumbent), evaluated(challenger)
    return Outcome.of(before, after, families)
