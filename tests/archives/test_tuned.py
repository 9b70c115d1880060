"""Programs of one structure are one trial to an archive, as good as the best of them."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.lanes import Lanes
from evolve.archives.top import Top
from evolve.archives.tuned import Tuned
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Cost, Evaluation, Selection, Status, Trial


def made(
    number: int, structure: int, value: float, fitness: float | None, *, parent: int = 0, operator: str = "edit"
) -> Trial:
    """A program of that structure: with so many terms, the first of them `value`."""
    text = "x = " + " + ".join([str(value), *["1.0"] * structure]) + "\n"
    return replace(trial(number, text, fitness, operator=operator), parents=(parent,) if number else ())


class TestTuned(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """Around an archive of ours."""
        return Tuned(Top())

    def trials(self, number: int) -> list[Trial]:
        """Two of three have a structure of their own."""
        drawn = np.random.default_rng(7).normal(size=number).round(1)
        return [
            made(at, at - (at % 3 == 2), float(at), None if at % 4 == 3 else float(value), parent=max(at - 1, 0))
            for at, value in enumerate(drawn)
        ]


def parent(tuned: Tuned) -> Trial:
    return tuned.sample(np.random.default_rng(0)).parents[0]


def tell(tuned: Tuned, *trials: Trial) -> None:
    for one in trials:
        tuned.tell(one)


def asks(tuned: Tuned, first: int, most: int = 1000, *, final: bool = False) -> list[int]:
    """Whom the tuner is given, as long as it is given something; each is told as a failure."""
    found = []
    for number in range(first, first + most):
        selection = tuned.next(final=final)
        if selection is None:
            break
        assert selection.operator == "tuner"
        found.append(selection.parents[0].number)
        tuned.asked(number, found[-1])
        tuned.tell(replace(trial(number, "x = (\n", None, operator="tuner"), parents=(found[-1],)))
    return found


def test_a_structure_is_as_good_as_its_best_program() -> None:
    """And that program is what is offered, whoever found it."""
    tuned = Tuned(Top(epsilon=0.0))
    tell(tuned, made(0, 1, 1.0, 0.0), made(1, 2, 1.0, 5.0))
    assert parent(tuned).number == 1
    tell(tuned, made(2, 1, 2.0, 7.0, operator="tuner"))
    assert parent(tuned).number == 2
    tell(tuned, made(3, 2, 3.0, 6.0, parent=1))
    assert parent(tuned).number == 2
    chosen = tuned.sample(np.random.default_rng(1))
    assert [t.number for t in (*chosen.parents, *chosen.inspirations)] == [2, 3]


class Recorder:
    """An archive that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Trial] = []

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)

    def sample(self, rng: object) -> Selection:
        raise LookupError


def test_an_archive_is_told_of_structures() -> None:
    """A copy of one is a duplicate of its first trial, which is told again when it is better; parents are first trials
    too, calls are counted once, and of the tuner's failures it hears nothing."""
    inside = Recorder()
    tuned = Tuned(inside)
    tell(
        tuned,
        made(0, 1, 1.0, 0.0),
        made(1, 2, 1.0, 1.0),
        made(2, 2, 1.5, 3.0, parent=1, operator="tuner"),
        made(3, 2, 1.7, None, parent=2, operator="tuner"),
        made(4, 2, 1.8, 2.0, parent=2),
        made(5, 3, 1.0, 2.0, parent=2),
    )
    assert [(t.number, t.fitness, t.evaluation.status, t.duplicate_of) for t in inside.told] == [
        (0, 0.0, Status.OK, None),
        (1, 1.0, Status.OK, None),
        (1, 3.0, Status.OK, None),
        (4, None, Status.DUPLICATE, 1),
        (5, 2.0, Status.OK, None),
    ]
    assert inside.told[-1].parents == (1,)


def test_a_new_structure_is_screened_when_it_is_plausible() -> None:
    """As good as half of the recent ones, or better than what it was made from."""
    tuned = Tuned(Top(), screen=5, each=0, most=20)
    tell(tuned, made(0, 1, 1.0, 10.0))
    assert asks(tuned, 100) == [0] * 5
    tell(tuned, made(1, 2, 1.0, 3.0), made(2, 3, 1.0, 9.0), made(3, 4, 1.0, 9.5), made(4, 5, 1.0, 2.0, parent=1))
    assert asks(tuned, 200) == [3] * 5  # 3 and 9 are less than the median of what came before, 9.5 is not
    tell(tuned, made(5, 6, 1.0, 4.0, parent=1))
    assert asks(tuned, 300) == [5] * 5
    tell(tuned, made(6, 7, 1.0, None))
    assert asks(tuned, 400) == []


def test_a_structure_earns_evaluations_with_proposals() -> None:
    """Up to a limit; and at the end the best one has what is left to it."""
    tuned = Tuned(Top(), screen=4, each=3, most=10)
    tell(tuned, made(0, 1, 1.0, 10.0))
    assert asks(tuned, 100) == [0] * 4
    tell(tuned, made(1, 2, 1.0, 0.0))
    assert asks(tuned, 200) == [0] * 3
    tell(tuned, made(2, 3, 1.0, None))
    assert asks(tuned, 300) == [0] * 3
    tell(tuned, made(3, 4, 1.0, 0.0))
    assert asks(tuned, 400) == []
    assert asks(tuned, 400, final=True) == []
    tell(tuned, made(4, 5, 1.0, 50.0))
    assert asks(tuned, 500) == [4] * 4
    assert asks(tuned, 600, final=True) == [4] * 6


def test_what_is_slow_is_not_tuned() -> None:
    """By what the seed's evaluation took; structures are compared as before."""
    for seconds, tuned in ((2.0, True), (2.1, False)):
        archive = Tuned(Top(epsilon=0.0), screen=3, slowest=2.0)
        seed = made(0, 1, 1.0, 10.0)
        archive.tell(replace(seed, evaluation=replace(seed.evaluation, cost=Cost(seconds=seconds))))
        assert (archive.next() is not None) == tuned
        assert (archive.next(final=True) is not None) == tuned
        archive.tell(made(1, 1, 2.0, 11.0))
        assert parent(archive).number == 1


def test_at_the_end_what_was_earned_by_others_is_left() -> None:
    """Only the best one goes on."""
    tuned = Tuned(Top(), screen=3, each=0, most=5)
    tell(tuned, made(0, 1, 1.0, 10.0), made(1, 2, 1.0, 20.0))
    assert asks(tuned, 100, final=True) == [1] * 5


def test_the_tuner_is_believed_when_it_has_nothing_left() -> None:
    """A structure without a literal is not asked for again."""
    tuned = Tuned(Top(), screen=5)
    tell(tuned, made(0, 1, 1.0, 10.0))
    tuned.asked(1, 0)
    rejected = replace(made(1, 1, 1.0, None, operator="tuner"), evaluation=Evaluation(status=Status.REJECTED))
    tell(tuned, rejected)
    assert tuned.next() is None
    assert tuned.next(final=True) is None


def test_what_is_in_flight_counts() -> None:
    """No more are asked for than there are evaluations, however late they are told."""
    tuned = Tuned(Top(), screen=3, each=0)
    tell(tuned, made(0, 1, 1.0, 10.0))
    for number in (1, 2, 3):
        assert tuned.next() is not None
        tuned.asked(number, 0)
    assert tuned.next() is None
    tell(tuned, made(2, 1, 7.0, 12.0, operator="tuner"))
    assert tuned.next() is None
    assert parent(tuned).number == 2


def test_a_point_of_the_tuners_is_of_the_structure_that_it_was_asked_for() -> None:
    """So it is known without a look at the program: telling of one takes as long whatever its size."""
    tuned = Tuned(Top(), screen=3, each=0)
    tell(tuned, made(0, 1, 1.0, 10.0))
    tuned.asked(1, 0)
    point = replace(trial(1, "no program at all (", 11.0, operator="tuner"), parents=(0,))
    tell(tuned, point)
    assert parent(tuned) == point
    tuned.asked(2, 1)
    tell(tuned, replace(point, number=2, parents=(1,), evaluation=Evaluation(status=Status.OK, score=12, fitness=12)))
    assert parent(tuned).number == 2
    assert len(tuned._families) == 1


def corrected(trial: Trial, fitness: float | None) -> Trial:
    """As a race tells of it again."""
    status = Status.FAILED if fitness is None else Status.OK
    return replace(trial, evaluation=Evaluation(status=status, score=fitness, fitness=fitness))


def test_a_correction_can_make_another_program_the_best_of_a_structure() -> None:
    """The first one, where the best was only lucky; or the one that was unlucky."""
    tuned = Tuned(Top(epsilon=0.0))
    first, lucky, third = made(0, 1, 1.0, 3.0), made(1, 1, 2.0, 5.0), made(2, 1, 3.0, 4.0)
    tell(tuned, first, lucky, third)
    assert parent(tuned) == lucky
    tuned.tell(corrected(lucky, 1.0))
    assert parent(tuned) == first
    better = corrected(third, 6.0)
    tuned.tell(better)
    assert parent(tuned) == better
    for one in (better, first, lucky):
        tuned.tell(corrected(one, None))
    with pytest.raises(LookupError):
        parent(tuned)
    again = corrected(third, 2.0)
    tuned.tell(again)
    assert parent(tuned) == again


class Stale(Recorder):
    """Remembers the first thing that it was told, and nothing else."""

    def tell(self, trial: Trial) -> None:
        self.told = self.told or [trial]

    def sample(self, rng: object) -> Selection:
        return Selection(parents=(self.told[0],))


def test_a_structure_that_the_archive_holds_as_it_was_is_known() -> None:
    """As a branch of a search may, which does not hear of everything."""
    tuned = Tuned(Stale(), screen=0)
    tell(tuned, made(0, 0, 1.0, 1.0), made(1, 0, 2.0, 7.0))
    for number in range(2, 1_200):
        tuned.tell(_other(number))
    assert parent(tuned).number == 1
    assert len(tuned._families) < 300


def test_what_nobody_holds_is_forgotten() -> None:
    """Memory is bounded by that of the archive."""
    tuned = Tuned(Top(size=10), screen=0)
    for number in range(2_500):
        tuned.tell(made(number, 0, 1.0, float(-number)) if number % 2 else _other(number))
    assert len(tuned._families) < 300
    assert len(tuned._keys) < 600
    assert len(tuned._shown) < 600


def _other(number: int) -> Trial:
    return trial(number, f"y{number} = 1.0\n", float(number % 7))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans()), max_size=30))
def test_a_replay_of_tells_and_asks_comes_to_the_same(story: list[tuple[int, int, bool]]) -> None:
    """Sampling and looking for what comes next change nothing."""

    def play(*, look: bool) -> tuple[list[int], int | None]:
        tuned = Tuned(Top(), screen=2, each=1, most=4)
        tell(tuned, made(0, 0, 0.5, 0.0))
        number = 0
        for structure, fitness, ok in story:
            number += 1
            tuned.tell(made(number, structure, float(number), float(fitness) if ok else None, parent=number // 2))
            if look:
                tuned.next(final=True)
                tuned.sample(np.random.default_rng(number))
            if (selection := tuned.next()) is not None:
                number += 1
                tuned.asked(number, selection.parents[0].number)
                tuned.tell(
                    made(number, structure, -1.0, fitness + 0.5, parent=selection.parents[0].number, operator="tuner")
                )
        following = tuned.next()
        return [parent(tuned).number], following.parents[0].number if following else None

    assert play(look=True) == play(look=False)


@pytest.mark.parametrize("name", ["screen", "each", "most"])
def test_settings_that_cannot_be_are_refused(name: str) -> None:
    """By name."""
    with pytest.raises(ValueError, match=name):
        Tuned(Top(), **{name: -1})


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([30, 60, 200]))
def test_only_what_proposals_are_made_from_has_more_than_a_screen(seed: int, budget: int) -> None:
    """In lanes, which are greedy, that is what has led one."""
    drawn = np.random.default_rng(seed)
    tuned = Tuned(Lanes(budget=budget, unit="trials", patience=0), screen=4, each=4, most=20)
    spent: Counter[int] = Counter()
    numbers = itertools.count()
    of = {next(numbers): 0}
    tuned.tell(made(0, 0, 0.5, 0.0))
    parents = set()
    for structure in range(1, 80):
        while (selection := tuned.next()) is not None:
            number, point = next(numbers), selection.parents[0].number
            of[number] = of[point]
            spent[of[point]] += 1
            tuned.asked(number, point)
            scored = made(number, of[point], 0.1 * number, drawn.normal(), parent=point, operator="tuner")
            tuned.tell(replace(scored, lane=selection.lane))
        chosen = tuned.sample(np.random.default_rng((seed, structure)))
        number, parent = next(numbers), chosen.parents[0].number
        of[number] = structure
        parents.add(of[parent])
        tuned.tell(replace(made(number, structure, 1.0, drawn.normal(), parent=parent), lane=chosen.lane))
    assert {structure for structure, times in spent.items() if times > 4} <= parents
    assert 4 < max(spent.values()) <= 20
