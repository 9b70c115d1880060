"""Who is best: the same for the loop, the reader of a run and the evaluator."""

from __future__ import annotations

import json
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.journal import decode_evaluation, encode_evaluation
from evolve.standing import Standing, corrected
from evolve.testing.trials import trial
from evolve.types import Cost, Evaluation, Rescored, Status, Trial


def raced(number: int, fitness: float, against: int, *, won: bool, again: float) -> Trial:
    """A trial that ran against another, which scored this once more."""
    evaluation = Evaluation(
        status=Status.OK,
        score=fitness,
        fitness=fitness,
        samples=(fitness, fitness),
        seeds=(10 * number, 10 * number + 1),
        evaluations=3,
        rescored=(Rescored(number=against, samples=(again,), seeds=(10 * number,), fitness=again),),
        won=won,
    )
    return replace(trial(number, f"x = {number}\n"), evaluation=evaluation)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5).map(float)), max_size=30))
def test_without_races_the_best_has_the_highest_fitness(fitnesses: list[float | None]) -> None:
    """Of equals it is the first one told, and nothing told before changes."""
    standing = Standing()
    for number, fitness in enumerate(fitnesses):
        assert standing.tell(trial(number, "x = 1\n", fitness)) == ()
    known = [fitness for fitness in fitnesses if fitness is not None]
    if known:
        assert standing.best is not None
        assert standing.best.number == fitnesses.index(max(known))
    else:
        assert standing.best is None


def test_who_wins_takes_over_and_who_loses_does_not() -> None:
    """Whatever their scores are: they may come from other seeds."""
    standing = Standing()
    standing.tell(raced(0, 5.0, 99, won=False, again=0.0))
    standing.tell(raced(1, 7.0, 0, won=False, again=5.0))
    assert standing.best is not None
    assert standing.best.number == 0
    standing.tell(raced(2, 4.0, 0, won=True, again=5.0))
    assert standing.best.number == 2


def test_luck_wears_off() -> None:
    """Every race adds a sample to the best one's own, and the score is the mean over all of them."""
    standing = Standing()
    standing.tell(raced(0, 10.0, 99, won=False, again=0.0))
    for number in range(1, 9):
        (changed,) = standing.tell(raced(number, 0.0, 0, won=False, again=5.0))
        assert standing.best is changed
    assert standing.best is not None
    evaluation = standing.best.evaluation
    assert evaluation.samples == (10.0, 10.0, *[5.0] * 8)
    assert evaluation.score == evaluation.fitness == pytest.approx(6.0)
    assert len(evaluation.seeds) == 10


def test_a_winner_over_somebody_who_is_no_longer_the_best_needs_the_better_score() -> None:
    """Two races at the same time: the second winner has not met the first."""
    for fitness, best in ((6.0, 1), (8.0, 2)):
        standing = Standing()
        standing.tell(raced(0, 5.0, 99, won=False, again=0.0))
        standing.tell(raced(1, 7.0, 0, won=True, again=5.0))
        standing.tell(raced(2, fitness, 0, won=True, again=5.0))
        assert standing.best is not None
        assert standing.best.number == best


def failing(number: int, fitness: float | None, against: int) -> Trial:
    """A trial in whose race the other one failed."""
    again = Rescored(number=against, status=Status.TIMEOUT, feedback="slow")
    status = Status.FAILED if fitness is None else Status.OK
    evaluation = Evaluation(status=status, score=fitness, fitness=fitness, rescored=(again,), won=None)
    return replace(trial(number, f"x = {number}\n"), evaluation=evaluation)


def test_who_fails_in_a_race_makes_room_for_the_one_before() -> None:
    """Who is told again, and may lose the place in the same way, as long as there is anybody left to have it."""
    standing = Standing()
    standing.tell(raced(0, 5.0, 99, won=False, again=0.0))
    standing.tell(raced(1, 7.0, 0, won=True, again=5.0))
    changed = standing.tell(failing(2, None, 1))
    assert [(one.number, one.evaluation.status) for one in changed] == [(1, Status.TIMEOUT), (0, Status.OK)]
    assert standing.best is changed[-1]
    assert standing.tell(failing(3, None, 0)) == ()
    assert standing.best is changed[-1]
    (lost,) = standing.tell(failing(4, -9.0, 0))
    assert (lost.number, lost.fitness) == (0, None)
    assert standing.best is not None
    assert standing.best.number == 4


def test_without_races_nobody_but_the_best_is_remembered() -> None:
    """A search may have thousands of bests, each with its program."""
    standing = Standing()
    trials = [trial(number, f"x = {number}\n", float(number)) for number in range(50)]
    alive = [weakref.ref(one) for one in trials]
    while trials:
        standing.tell(trials.pop(0))
    assert [one() is not None for one in alive] == [False] * 49 + [True]


def test_a_failure_takes_the_score_away() -> None:
    """And keeps what is known of the program besides."""
    evaluation = Evaluation(status=Status.OK, score=1.0, fitness=1.0, samples=(1.0,), seeds=(0,), metrics={"m": 1})
    now = corrected(evaluation, Rescored(number=3, status=Status.MEMORY, feedback="too much"))
    assert (now.status, now.score, now.fitness, now.samples, now.feedback) == (
        Status.MEMORY,
        None,
        None,
        (),
        "too much",
    )
    assert now.metrics == {"m": 1}


def test_objectives_are_corrected_too() -> None:
    """By the same shares as the score."""
    evaluation = Evaluation(
        status=Status.OK, score=1.0, fitness=-1.0, samples=(1.0,), seeds=(0,), objectives={"speed": 4.0}
    )
    again = Rescored(number=3, samples=(4.0, 4.0), seeds=(1, 2), fitness=-4.0, objectives={"speed": 1.0})
    now = corrected(evaluation, again)
    assert now.score == pytest.approx(3.0)
    assert now.fitness == pytest.approx(-3.0)
    assert now.objectives == {"speed": pytest.approx(2.0)}


def test_races_survive_the_journal() -> None:
    """What is written is what is read, but for what is measured, where it is left out."""
    evaluation = replace(
        raced(4, 1.5, 2, won=True, again=1.0).evaluation,
        rescored=(
            Rescored(number=2, samples=(0.1, 0.2), seeds=(3, 4), fitness=0.15, objectives={"o": 1.0}),
            Rescored(number=1, status=Status.TIMEOUT, feedback="slow"),
        ),
        cost=Cost(seconds=1.0, cached=True),
    )
    for measured in (True, False):
        event = json.loads(json.dumps(encode_evaluation(evaluation, measured=measured)))
        read = decode_evaluation(event)
        assert read == (evaluation if measured else replace(evaluation, cost=Cost()))
