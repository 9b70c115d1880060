"""Puct samples by its formula, of a tree that is bounded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evolve.archives.puct import Puct
from evolve.testing.archives import ArchiveSuite
from evolve.testing.trials import trial
from evolve.types import Archive, Trial


class TestPuct(ArchiveSuite):
    """The contract of every archive."""

    def make(self) -> Archive:
        """With its defaults."""
        return Puct()


class TestSmallPuct(ArchiveSuite):
    """The contract holds with room for one."""

    def make(self) -> Archive:
        """With room for one trial, and some in flight."""
        return Puct(size=1, spread=3)


def child(number: int, fitness: float | None, *parents: int) -> Trial:
    made = trial(number, f"x = {number}\n", fitness)
    return Trial(
        number=number,
        program=made.program,
        parents=parents,
        operator="mutation",
        summary="",
        evaluation=made.evaluation,
    )


Tree = list[tuple[float | None, float, int]]
"""For each trial its fitness, which of those told before is its parent (0 to 1), and which of those it tells again."""
TREES = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 9).map(float)), st.floats(0, 0.999), st.integers(0, 3)), max_size=40
)


def grown(
    tree: Tree, size: int = 300, c: float = 1.0, *, spread: int = 1, again: bool = False
) -> tuple[Puct, dict[int, Trial]]:
    """The archive, and the trials as they are now; where `again` is set some are told twice, the second time worse."""
    archive, known = Puct(size=size, c=c, spread=spread), {0: child(0, 5.0)}
    archive.tell(known[0])
    for number, (fitness, which, back) in enumerate(tree, start=1):
        known[number] = child(number, fitness, int(which * number))
        archive.tell(known[number])
        if again and back == 0 and known[number].fitness is not None:
            known[number] = child(number, None if fitness == 9.0 else 1.0, *known[number].parents)
            archive.tell(known[number])
    return archive, known


def best_of_line(known: dict[int, Trial]) -> dict[int, float]:
    """The best fitness among each trial and its descendants, the slow way; those without a fitness pass nothing on."""
    best = {number: one.fitness for number, one in known.items() if one.fitness is not None}
    for number in sorted(best, reverse=True):
        for parent in known[number].parents:
            if parent in best:
                best[parent] = max(best[parent], best[number])
    return best


def scores(known: dict[int, Trial], c: float, assumed: Sequence[int] = ()) -> dict[int, float]:
    """Q + c·P·√(1 + T)/(1 + n) of each trial, one after the other, with visits `assumed` beside those told."""
    q = best_of_line(known)
    own = {number: one.fitness for number, one in known.items() if one.fitness is not None}
    ranked = sorted(own, key=lambda number: (-own[number], number))
    median, top = float(np.median(list(own.values()))), max(own.values())
    found = {}
    for number in own:
        visits = sum(number in one.parents for one in known.values()) + assumed.count(number)
        prior = (len(own) - ranked.index(number)) / sum(range(1, len(own) + 1))
        value = max(0.0, (q[number] - median) / (top - median)) if top > median else 0.0
        found[number] = value + c * prior * np.sqrt(1 + len(known) + len(assumed)) / (1 + visits)
    return found


@given(TREES)
def test_the_sample_is_the_highest_by_the_formula(tree: Tree) -> None:
    """Computed here trial by trial."""
    archive, known = grown(tree, c=0.7)
    score = scores(known, 0.7)
    chosen = archive.sample(np.random.default_rng(0)).parents[0].number
    assert score[chosen] == pytest.approx(max(score.values()))


@settings(max_examples=30, deadline=None)
@given(TREES, st.integers(2, 5))
def test_samples_at_once_are_as_frequent_as_the_formula_says(tree: Tree, spread: int) -> None:
    """Each of so many that would follow each other is as likely as the next: within six standard errors of 600."""
    archive, known = grown(tree, spread=spread)
    follow: list[int] = []
    for _ in range(spread):
        score = scores(known, 1.0, follow)
        top = max(score.values())
        close = [number for number, value in score.items() if value >= top - 1e-9]
        assume(len(close) == 1)  # else rounding decides
        follow.append(close[0])
    drawn = Counter(archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(600))
    assert drawn.keys() == set(follow)
    for number, times in Counter(follow).items():
        share = times / spread
        assert abs(drawn[number] - 600 * share) <= 6 * math.sqrt(600 * share * (1 - share))


@given(TREES)
def test_ancestors_know_the_best_that_came_of_them(tree: Tree) -> None:
    """Also after trials were told again that are worse than they were."""
    archive, known = grown([(fitness, which, 1) for fitness, which, _ in tree])
    assert {number: node.best for number, node in archive._nodes.items()} == best_of_line(known)
    again = {number: child(number, 1.0, *one.parents) for number, one in known.items() if one.fitness == 9.0}
    for one in again.values():
        archive.tell(one)
    assert {number: node.best for number, node in archive._nodes.items()} == best_of_line({**known, **again})


@given(TREES, st.integers(1, 6))
def test_the_tree_is_bounded_and_keeps_what_leads_to_the_best(tree: Tree, size: int) -> None:
    """No link leads out of the tree, and whoever is kept knows of better descendants."""
    archive, known = grown(tree, size, again=True)
    alive = {number: one.fitness for number, one in known.items() if one.fitness is not None}
    assert len(archive._nodes) <= size
    assert set(archive._nodes) <= set(alive)
    for node in archive._nodes.values():
        for parent in node.parents:
            assert archive._nodes[parent].best >= node.best
    if size > len(tree):
        assert set(archive._nodes) == set(alive)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=40), st.integers(1, 6))
def test_the_best_trial_is_kept(fitness: list[float], size: int) -> None:
    """However small the tree is."""
    archive = Puct(size=size)
    for number, value in enumerate(fitness):
        archive.tell(child(number, value, *([number - 1] if number else [])))
    assert max(node.fitness for node in archive._nodes.values()) == max(fitness)


def test_what_is_tried_without_success_gives_way() -> None:
    """No trial starves another: as its visits grow, the next one has its turn."""
    archive = Puct(c=1.0)
    archive.tell(child(0, 1.0))
    archive.tell(child(1, 2.0, 0))
    drawn = []
    for number in range(2, 60):
        drawn.append(archive.sample(np.random.default_rng(number)).parents[0].number)
        archive.tell(child(number, None, drawn[-1]))
    assert drawn.count(1) > drawn.count(0) > 5


def test_those_in_flight_at_once_differ() -> None:
    """With a spread above 1 several samples without a tell between them are not all the same."""
    alone, together = Puct(), Puct(spread=8)
    for archive in (alone, together):
        for number in range(10):
            archive.tell(child(number, float(number % 4), *([0] if number else [])))
    drawn = [
        len({archive.sample(np.random.default_rng(seed)).parents[0].number for seed in range(40)})
        for archive in (alone, together)
    ]
    assert drawn[0] == 1 < drawn[1]


@pytest.mark.parametrize("setting", [{"size": 0}, {"spread": 0}, {"c": -1.0}, {"c": np.inf}, {"inspirations": -1}])
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    """At once, and not at the first sample."""
    with pytest.raises(ValueError, match="at least"):
        Puct(**setting)  # type: ignore[arg-type] # what a command line may give
