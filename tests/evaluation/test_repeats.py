"""Repeats, and races against the best program."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.evaluation.averages import average
from evolve.evaluation.repeats import Race, Repeats
from evolve.standing import Standing
from evolve.testing.fakes import NoisyEvaluator, number_program, number_score
from evolve.testing.trials import trial
from evolve.types import Cost, Evaluation, Program, Split, Status, Trial


def told(repeats: Repeats, number: int, program: Program) -> Trial:
    """The trial of a program that is scored and told."""
    made = replace(trial(number, program), evaluation=repeats.evaluate(program))
    repeats.tell(made)
    return made


class Scripted(NoisyEvaluator):
    """Says what a function says, of a program and a seed, whose evaluations it remembers."""

    def __init__(self, say: Callable[[float, int], Evaluation | float]) -> None:
        super().__init__()
        self.say = say
        self.asked: list[tuple[float, int]] = []

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        value = number_score(program)
        self.asked.append((value, seed))
        said = self.say(value, seed)
        return said if isinstance(said, Evaluation) else Evaluation(status=Status.OK, score=said, fitness=said)


def test_fixed_repeats_are_averaged_over_the_same_seeds_for_all() -> None:
    """The score is the mean, and the evaluation says what it was made of."""
    evaluator = Scripted(lambda value, seed: value + seed)
    repeats = Repeats(evaluator, repeats=4)
    evaluation = repeats.evaluate(number_program(3.0))
    assert (evaluation.score, evaluation.fitness) == (1.5, 1.5)
    assert evaluation.samples == (0.0, 1.0, 2.0, 3.0)
    assert evaluation.seeds == (0, 1, 2, 3)
    assert (evaluation.evaluations, evaluation.won, repeats.most) == (4, None, 4)
    assert evaluation.standard_error == pytest.approx(np.std([0, 1, 2, 3], ddof=1) / 2)


def test_one_repeat_is_the_evaluators_own() -> None:
    """But for its seed."""
    evaluation = Repeats(NoisyEvaluator()).evaluate(number_program(3.0), seed=5)
    assert replace(evaluation, samples=(), seeds=()) == NoisyEvaluator().evaluate(number_program(3.0), seed=5)
    assert evaluation.standard_error is None


@pytest.mark.parametrize("race", [None, Race()])
@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.INVALID, Status.SCREENED])
def test_a_repeat_without_a_score_ends_the_evaluation(race: Race | None, status: Status) -> None:
    """Its status and feedback are the evaluation's, and what was spent is counted."""

    def say(value: float, seed: int) -> Evaluation | float:
        if value < -1.0 and len(evaluator.asked) >= 6:
            return Evaluation(status=status, feedback="went wrong", cost=Cost(seconds=1.0))
        return value

    evaluator = Scripted(say)
    repeats = Repeats(evaluator, repeats=5, race=race)
    told(repeats, 0, number_program(3.0))
    before = len(evaluator.asked)
    evaluation = repeats.evaluate(number_program(0.0))
    assert (evaluation.status, evaluation.score, evaluation.won) == (status, None, None)
    assert evaluation.feedback.endswith("went wrong")
    assert evaluation.evaluations == len(evaluator.asked) - before
    assert evaluation.samples == ()


def test_a_program_that_is_clearly_worse_takes_few_evaluations() -> None:
    """It needs no more than it takes to see that; the best one runs once more, and keeps its place."""
    evaluator = NoisyEvaluator(lambda program: 8 * number_score(program))
    repeats = Repeats(evaluator, race=Race(most=50))
    for number in range(20):
        made = told(repeats, number, number_program(3.0 + 0.001 * number))
    before = evaluator.evaluated
    made = told(repeats, 20, number_program(0.0))
    assert made.evaluation.won is False
    assert evaluator.evaluated - before == made.evaluation.evaluations <= 10
    assert [len(again.samples) for again in made.evaluation.rescored] == [1]


def test_who_takes_over_was_ahead_on_fresh_seeds_too() -> None:
    """On seeds on which neither had run; the samples that made it a contender do not decide alone."""

    def lucky(value: float, seed: int) -> float:
        # the challenger has luck on the seeds that the best one has seen, and on none else
        return 1.0 if seed in {0, 1, 2} and value < 0 else 0.5 if value == 0 else 0.4

    evaluator = Scripted(lucky)
    repeats = Repeats(evaluator, race=Race(least=3, most=6))
    first = told(repeats, 0, number_program(3.0))
    made = told(repeats, 1, number_program(2.0))
    assert made.evaluation.won is False
    (again,) = made.evaluation.rescored
    assert again.number == first.number == 0
    assert set(again.seeds).isdisjoint(first.evaluation.seeds)
    assert set(again.seeds) <= set(made.evaluation.seeds), "both on the same seeds"
    assert made.evaluation.evaluations == len(made.evaluation.samples) + len(again.samples)

    really = Repeats(Scripted(lambda value, seed: -value), race=Race(least=3, most=6))
    told(really, 0, number_program(3.0))
    assert told(really, 1, number_program(2.0)).evaluation.won is True


@pytest.mark.parametrize("most", [3, 8])
def test_a_race_gives_up_at_the_most_and_costs_no_more_than_is_reserved(most: int) -> None:
    """Equal programs are never apart."""
    repeats = Repeats(NoisyEvaluator(lambda _: 0.0), race=Race(most=most))
    for number in range(30):
        made = told(repeats, number, number_program(float(number)))
        evaluation = made.evaluation
        assert evaluation.evaluations <= repeats.most == 4 * most
        assert evaluation.evaluations == len(evaluation.samples) + sum(len(a.samples) for a in evaluation.rescored)


def test_programs_are_compared_on_the_same_seeds() -> None:
    """So the hardness of the instances that a seed draws, which all programs share, does not drown the difference."""
    wins = []
    for hardness in (0.0, 100.0):
        evaluator = NoisyEvaluator(hardness=hardness)
        repeats = Repeats(evaluator, race=Race(most=20))
        told(repeats, 0, number_program(8.0))
        made = told(repeats, 1, number_program(3.0))
        wins.append((made.evaluation.won, made.evaluation.evaluations))
    assert wins[0] == wins[1]
    assert wins[0][0] is True


def test_minimized_scores_race_by_their_fitness() -> None:
    """What is better is the direction's; scores stay in the user's unit."""
    repeats = Repeats(
        NoisyEvaluator(lambda program: 5 * number_score(program), sign=-1.0), race=Race(), direction="minimize"
    )
    standing = Standing()
    for number, value in enumerate([0.0, 2.9, -2.0, 2.0]):
        made = told(repeats, number, number_program(value))
        standing.tell(made)
    assert standing.best is not None
    assert standing.best.number == 1
    evaluation = standing.best.evaluation
    assert evaluation.score == -(evaluation.fitness or 0.0)
    assert evaluation.score == pytest.approx(math.fsum(evaluation.samples) / len(evaluation.samples))
    assert len(evaluation.samples) == len(evaluation.seeds)


def test_the_same_told_trials_give_the_same_race() -> None:
    """Nothing depends on what else was evaluated: a run that was killed and resumed goes on as if it had not been."""
    one, other = (Repeats(NoisyEvaluator(), race=Race()) for _ in range(2))
    for number in range(5):
        program = number_program(0.5 * number)
        one.evaluate(program)
        evaluation = one.evaluate(program)
        made = replace(trial(number, program), evaluation=evaluation)
        one.tell(made)
        assert other.evaluate(program) == evaluation
        other.tell(made)


def test_a_best_one_that_fails_when_scored_again_wins_no_race_by_it() -> None:
    """The one before it is the best again, and the new program has its least number of repeats."""
    flaky = {"on": False}

    def say(value: float, seed: int) -> Evaluation | float:
        if value == 0.0 and flaky["on"]:
            return Evaluation(status=Status.TIMEOUT, feedback="too slow today")
        return value

    repeats = Repeats(Scripted(say), race=Race())
    standing = Standing()
    for number, value in enumerate([1.0, 3.0, -4.0]):
        flaky["on"] = number == 2
        made = told(repeats, number, number_program(value))
        changed = standing.tell(made)
    assert [(again.number, again.fitness is None) for again in changed] == [(1, True), (0, False)]
    assert changed[0].evaluation.status is Status.TIMEOUT
    assert changed[0].evaluation.feedback == "too slow today"
    assert standing.best is not None
    assert standing.best.number == 0
    assert made.evaluation.won is False
    assert len(made.evaluation.samples) == 3


def test_the_last_one_with_a_score_stays() -> None:
    """A search without any program to start from could not go on."""

    def say(value: float, seed: int) -> Evaluation | float:
        return 1.0 if len(evaluator.asked) <= 3 else Evaluation(status=Status.FAILED)

    evaluator = Scripted(say)
    repeats, standing = Repeats(evaluator, race=Race()), Standing()
    for number in range(2):
        standing.tell(told(repeats, number, number_program(float(number))))
    assert standing.best is not None
    assert standing.best.fitness == 1.0


def test_held_out_scores_are_of_fixed_repeats() -> None:
    """As many as a race takes at most, of the same seeds for all; and nobody is raced against."""
    repeats = Repeats(NoisyEvaluator(), race=Race(most=7))
    told(repeats, 0, number_program(1.0))
    evaluation = repeats.evaluate(number_program(2.0), split="held_out")
    assert (len(evaluation.samples), evaluation.seeds, evaluation.rescored) == (7, tuple(range(7)), ())


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"least": 2}, "from 3 repeats on"), ({"least": 9, "most": 8}, "9 to 8"), ({"confidence": 1.0}, "below 1")],
)
def test_races_that_cannot_be_are_refused(settings: dict[str, float], said: str) -> None:
    """In words."""
    with pytest.raises(ValueError, match=said):
        Race(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("gap", [0.5, 1.0, 4.0])
def test_the_better_of_two_is_found(gap: float) -> None:
    """In at least 95 of 100 races, whichever of the two is the challenger."""
    errors = spent = 0
    races = 120
    for number in range(races):
        better = number % 2
        noise = np.random.default_rng((number, round(8 * gap)))
        evaluator = NoisyEvaluator(lambda program: gap * number_score(program), lambda _: float(noise.normal()))  # noqa: B023
        repeats = Repeats(evaluator, race=Race(most=30))
        told(repeats, 0, number_program(3.0 - (1 - better)))
        made = told(repeats, 1, number_program(3.0 - better))
        errors += made.evaluation.won is bool(better)
        spent += evaluator.evaluated
    assert errors <= 0.05 * races + 2 * math.sqrt(0.05 * races)
    if gap == 4.0:
        assert spent / races < 30, "not half of what 30 repeats of both would take"


scores = st.floats(-1e3, 1e3)
evaluations = st.lists(
    st.builds(
        lambda score, metric, kept: Evaluation(
            status=Status.OK,
            score=score,
            fitness=-score,
            metrics={"m": metric, "text": f"of {score}", **({"some": metric} if kept else {})},
            measures={"size": metric},
            instances={"a": metric},
            objectives={"o": metric},
            feedback=f"of {score}",
            cost=Cost(seconds=1.0, cpu_seconds=0.5, memory_bytes=int(abs(score))),
        ),
        scores,
        scores,
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@given(evaluations)
def test_an_average_says_what_was_said(several: list[Evaluation]) -> None:
    """Numbers are means over those that have them, the words those of the worst; costs add up."""
    made = average(several, range(len(several)))
    assert made.score == pytest.approx(np.mean([each.score for each in several if each.score is not None]))
    assert made.fitness == -(made.score or 0.0)
    assert made.samples == tuple(each.score for each in several)
    metrics = [each.metrics["m"] for each in several]
    for figure in (made.metrics["m"], made.measures["size"], made.instances["a"], made.objectives["o"]):
        assert figure == pytest.approx(np.mean(np.array(metrics, dtype=float)), abs=1e-9)
    worst = min(several, key=lambda each: each.fitness or 0.0)
    assert made.feedback == made.metrics["text"] == worst.feedback
    assert made.cost.seconds == len(several)
    assert made.cost.memory_bytes == max(each.cost.memory_bytes for each in several)
