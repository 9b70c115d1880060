"""Pareto keeps trials that are best at something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.archives.pareto import Pareto
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Evaluation, Status, Trial


def made(
    number: int,
    fitness: float,
    instances: Mapping[str, float] | None = None,
    objectives: Mapping[str, float] | None = None,
    score: float | None = None,
) -> Trial:
    evaluation = Evaluation(
        status=Status.OK,
        score=fitness if score is None else score,
        fitness=fitness,
        instances=instances or {},
        objectives=objectives or {},
    )
    return replace(trial(number, f"x = {number}\n"), evaluation=evaluation)


class TestPareto(ArchiveSuite):
    """The contract of every archive, with neither instances nor objectives."""

    def make(self) -> Archive:
        """With its defaults."""
        return Pareto()


class TestParetoOfInstances(ArchiveSuite):
    """The contract holds with instances."""

    def make(self) -> Archive:
        """With its defaults."""
        return Pareto()

    def trials(self, number: int) -> list[Trial]:
        """Some lack an instance."""
        return [
            replace(one, evaluation=replace(one.evaluation, instances=instances))
            for one in super().trials(number)
            for instances in [{str(at): float((one.number * 7 + at * 5) % 11) for at in range(5 - one.number % 2)}]
        ]


class TestParetoOfObjectives(ArchiveSuite):
    """The contract holds with objectives."""

    def make(self) -> Archive:
        """With little room."""
        return Pareto(size=4)

    def trials(self, number: int) -> list[Trial]:
        """With two of them."""
        return [
            replace(one, evaluation=replace(one.evaluation, objectives=objectives))
            for one in super().trials(number)
            for objectives in [{"speed": float(one.number * 7 % 11), "size": float(one.number * 5 % 7)}]
        ]


def kept(archive: Pareto) -> list[int]:
    return sorted(archive._entries)


Table = list[tuple[int, int, int, int]]
TABLES = st.lists(st.tuples(*[st.integers(0, 5)] * 4), min_size=1, max_size=25)


@given(TABLES)
def test_every_instance_has_one_of_the_best_and_nobody_is_needless(rows: Table) -> None:
    """Whatever was told: who is kept is best in something in which no other one kept is."""
    archive = Pareto()
    for number, row in enumerate(rows):
        archive.tell(made(number, sum(row), {str(at): float(value) for at, value in enumerate(row)}))
    best = [max(row[at] for row in rows) for at in range(4)]
    sets = {number: {at for at in range(4) if rows[number][at] == best[at]} for number in kept(archive)}
    assert set().union(*sets.values()) == {0, 1, 2, 3}
    for number, own in sets.items():
        assert own - set().union(*(other for another, other in sets.items() if another != number))
    assert len(sets) <= 4


@given(TABLES)
def test_the_front_is_that_of_the_definition(rows: Table) -> None:
    """Trials that no other one dominates; of equal ones the first."""
    archive = Pareto()
    for number, (first, *rest) in enumerate(rows):
        archive.tell(made(number, float(first), objectives=dict(zip("abc", map(float, rest), strict=True))))
    front = [
        number
        for number, row in enumerate(rows)
        if not any(other != row and all(o >= r for o, r in zip(other, row, strict=True)) for other in rows)
        and row not in rows[:number]
    ]
    assert kept(archive) == front


def test_trials_are_sampled_by_the_number_of_instances_they_are_best_in() -> None:
    """A chi-square test with a fixed seed: 2 degrees of freedom, 13.8 is exceeded once in a thousand times."""
    archive = Pareto()
    for number, wins in enumerate([(0, 1, 2, 3), (4, 5), (6,)]):
        archive.tell(made(number, 1.0, {str(at): float(at in wins) for at in range(7)}))
    archive.tell(made(3, 9.0, {str(at): 0.5 for at in range(7)}))
    drawn = [archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(2100)]
    counted, expected = np.bincount(drawn, minlength=3), np.array([1200.0, 600.0, 300.0])
    assert len(counted) == 3
    assert ((counted - expected) ** 2 / expected).sum() < 13.8


def test_every_trial_on_the_front_is_as_likely() -> None:
    """A chi-square test with a fixed seed: 3 degrees of freedom, 16.3 is exceeded once in a thousand times."""
    archive = Pareto()
    for number in range(4):
        archive.tell(made(number, float(number), objectives={"speed": float(-number)}))
    drawn = [archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(2000)]
    assert ((np.bincount(drawn, minlength=4) - 500.0) ** 2 / 500.0).sum() < 16.3


def test_instances_go_the_way_of_the_score() -> None:
    """Where lower scores are better, lower ones of an instance are too, also when the first score is 0."""
    archive = Pareto()
    archive.tell(made(0, 0.0, {"a": 1.0, "b": 1.0}, score=0.0))
    archive.tell(made(1, -2.0, {"a": 3.0, "b": 0.5}, score=2.0))
    archive.tell(made(2, -3.0, {"a": 3.0, "b": 3.0}, score=3.0))
    assert kept(archive) == [0, 1]


def test_a_front_that_is_too_long_is_thinned_where_it_is_crowded() -> None:
    """Its ends stay, and of those between them the ones that stand apart."""
    archive = Pareto(size=4)
    for number, at in enumerate([0.0, 10.0, 5.0, 5.1, 2.0, 5.05]):
        archive.tell(made(number, at, objectives={"speed": -at}))
    assert len(archive._entries) == 4
    assert {0, 1, 4} < set(kept(archive))


@given(TABLES, st.integers(1, 4))
def test_the_best_by_score_is_on_the_front(rows: Table, size: int) -> None:
    """However little room there is."""
    archive = Pareto(size=size)
    for number, (first, *rest) in enumerate(rows):
        archive.tell(made(number, float(first), objectives=dict(zip("abc", map(float, rest), strict=True))))
    assert 1 <= len(archive._entries) <= size
    assert max(entry.values[0] for entry in archive._entries.values()) == max(row[0] for row in rows)


def test_it_takes_what_there_is() -> None:
    """Instances where there are several, else objectives, else the score; or what it was asked for."""
    both = made(0, 1.0, {"a": 1.0, "b": 1.0}, {"speed": 1.0})
    for by, first, chosen in [
        ("auto", both, "instances"),
        ("auto", made(0, 1.0, {"a": 1.0}, {"speed": 1.0}), "objectives"),
        ("auto", made(0, 1.0, {"a": 1.0}), "score"),
        ("objectives", both, "objectives"),
        ("score", both, "score"),
    ]:
        archive = Pareto(by=by)  # type: ignore[arg-type] # text, as in a command line
        archive.tell(first)
        assert archive._by == chosen
        assert (archive._instead is not None) == (chosen == "score")
    asked = Pareto(by="objectives")
    asked.tell(made(0, 1.0, {"a": 1.0, "b": 1.0}))
    assert asked._instead is not None


def test_a_trial_that_lacks_all_that_is_compared_is_not_kept() -> None:
    """It may have a score; and when those kept have lost theirs, the best by score stands in."""
    archive = Pareto()
    archive.tell(made(0, 1.0, {"a": 1.0, "b": 1.0}))
    archive.tell(made(1, 9.0))
    assert kept(archive) == [0]
    archive.tell(trial(0, "x = 0\n", None))
    assert [one.number for one in archive.sample(np.random.default_rng(0)).parents] == [1]


@pytest.mark.parametrize("setting", [{"by": "luck"}, {"size": 0}, {"inspirations": -1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, str]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match=r"at least|by is one of"):
        Pareto(**setting)  # type: ignore[arg-type] # what a command line may give
