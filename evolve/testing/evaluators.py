"""What any evaluator must do: a suite for authors of evaluators.

class TestMine(EvaluatorSuite):
    def make(self) -> Evaluator:
        return MyEvaluator()
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from evolve.standing import Standing
from evolve.testing.fakes import number_program
from evolve.testing.trials import trial
from evolve.types import Evaluation, Evaluator, Program, Status

__all__ = ["EvaluatorSuite"]


class EvaluatorSuite:
    """Subclass it in a test module and define `make`; and `programs`, when yours scores other ones."""

    def make(self) -> Evaluator:
        """A new evaluator."""
        raise NotImplementedError

    def programs(self) -> list[Program]:
        """Several programs: the first has a score, and some of the others may have none."""
        return [number_program(float(value)) for value in range(6)]

    @pytest.fixture
    def evaluator(self) -> Iterator[Evaluator]:
        """One that is closed afterwards, twice."""
        made = self.make()
        yield made
        made.close()
        made.close()

    def test_only_what_is_ok_has_a_score(self, evaluator: Evaluator) -> None:
        """A finite one, and a fitness that is the score or its negative; samples without a score there are none."""
        for evaluation in self._evaluations(evaluator):
            if evaluation.status is Status.OK:
                assert evaluation.score is not None
                assert evaluation.fitness is not None
                assert math.isfinite(evaluation.score)
                assert evaluation.fitness in {evaluation.score, 0.0 - evaluation.score}
                assert all(map(math.isfinite, evaluation.objectives.values()))
            else:
                assert evaluation.score is None
                assert evaluation.fitness is None
                assert evaluation.won is None
                assert evaluation.samples == ()

    def test_the_first_program_has_a_score(self, evaluator: Evaluator) -> None:
        """Else there is nothing to start from."""
        assert evaluator.evaluate(self.programs()[0]).status is Status.OK

    def test_the_score_is_the_mean_of_the_samples(self, evaluator: Evaluator) -> None:
        """Each of which has a seed and is counted as an evaluation, those of other programs too."""
        for evaluation in self._evaluations(evaluator):
            again = sum(len(other.samples) for other in evaluation.rescored)
            assert evaluation.evaluations >= max(1, len(evaluation.samples) + again)
            assert len(evaluation.samples) == len(evaluation.seeds)
            if evaluation.samples:
                assert evaluation.score == pytest.approx(math.fsum(evaluation.samples) / len(evaluation.samples))

    def test_only_the_best_is_scored_again(self, evaluator: Evaluator) -> None:
        """What a race says of another trial is of the one that is the best of those told, and it says who won."""
        standing = Standing()
        for number, program in enumerate(self.programs()):
            best = standing.best
            evaluation = evaluator.evaluate(program)
            if evaluation.won is not None:
                assert evaluation.rescored
            if evaluation.rescored:
                assert best is not None
                assert [other.number for other in evaluation.rescored] == [best.number]
            for other in evaluation.rescored:
                assert len(other.samples) == len(other.seeds)
                assert (other.fitness is None) == (not other.samples)
            told = replace(trial(number, program), evaluation=evaluation)
            standing.tell(told)
            evaluator.tell(told)

    def test_held_out_scores_meet_nobody(self, evaluator: Evaluator) -> None:
        """They are for reports: no race is run on held-out instances."""
        self._evaluations(evaluator)
        known = "held_out" in getattr(evaluator, "splits", ("held_out",))
        for program in self.programs() if known else ():
            evaluation = evaluator.evaluate(program, split="held_out")
            assert evaluation.rescored == ()
            assert evaluation.won is None

    def test_it_may_be_used_by_several_threads_at_once(self, evaluator: Evaluator) -> None:
        """Every program is scored."""
        with ThreadPoolExecutor(4) as pool:
            evaluations = list(pool.map(evaluator.evaluate, self.programs() * 2))
        assert len(evaluations) == 2 * len(self.programs())
        assert evaluations[0].status is Status.OK

    def _evaluations(self, evaluator: Evaluator) -> list[Evaluation]:
        """Of every program, each told before the next is scored."""
        made = []
        for number, program in enumerate(self.programs()):
            evaluation = evaluator.evaluate(program)
            evaluator.tell(replace(trial(number, program), evaluation=evaluation))
            made.append(evaluation)
        return made
