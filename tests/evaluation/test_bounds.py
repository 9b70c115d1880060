"""The bound says that two programs are apart no more often by mistake than it promises, and says so when they are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.evaluation.bounds import apart

PAIRS, LONGEST = 400, 40
Law = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
LAWS: dict[str, Law] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "uniform": lambda rng, size: rng.uniform(-1, 1, size=size),
    "laplace": lambda rng, size: rng.laplace(size=size),
    "student t, 3 degrees of freedom": lambda rng, size: rng.standard_t(3, size=size),
    "lognormal": lambda rng, size: rng.lognormal(size=size),
    "fair coin": lambda rng, size: rng.integers(2, size=size).astype(float),
    "rare win": lambda rng, size: (rng.random(size=size) < 0.1).astype(float),
}


def ever_apart(differences: list[float], *, confidence: float, spread: float | None = None) -> int:
    """What is said first when it is judged after every difference."""
    for number in range(3, len(differences) + 1):
        if verdict := apart(differences[:number], confidence=confidence, spread=spread):
            return verdict
    return 0


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_programs_that_are_equal_are_seldom_said_to_be_apart(law: str, confidence: float) -> None:
    """On each side no more often than promised, however often one looks; without a range too, for these laws."""
    rng = np.random.default_rng(5)
    noise = LAWS[law]
    drawn = noise(rng, (PAIRS, LONGEST)) - noise(rng, (PAIRS, LONGEST))
    said = [ever_apart([float(x) for x in row], confidence=confidence) for row in drawn]
    for side in (-1, 1):
        wrong, promised = said.count(side), (1.0 - confidence) * PAIRS
        assert wrong <= promised + 2 * math.sqrt(promised), f"{wrong} of {PAIRS}"


@pytest.mark.parametrize("chance", [0.05, 0.1, 0.2])
def test_with_a_range_the_promise_holds_for_laws_that_hide_their_tail(chance: float) -> None:
    """A lottery that is as good as a sure thing looks worse nearly always. What was seen misleads; a range does not."""
    rng = np.random.default_rng(6)
    lottery = (rng.random((PAIRS, 2 * LONGEST)) < chance) / chance
    rows = [[1.0 - float(x) for x in row] for row in lottery]
    said = [ever_apart(row, confidence=0.95, spread=1.0 / chance) for row in rows]
    blind = [ever_apart(row, confidence=0.95) for row in rows]
    assert said.count(1) <= 0.05 * PAIRS + 2 * math.sqrt(0.05 * PAIRS)
    assert blind.count(1) > 0.3 * PAIRS, "it is no lottery, so the test shows nothing"


def test_a_clear_difference_is_found_soon() -> None:
    """A gap of four standard deviations takes about six pairs of scores, one of half a standard deviation far more."""
    rng = np.random.default_rng(7)

    def pairs_needed(gap: float) -> float:
        drawn = gap + rng.normal(size=(100, 60)) - rng.normal(size=(100, 60))
        needed = []
        for row in drawn:
            found = [n for n in range(3, 61) if apart([float(x) for x in row[:n]], confidence=0.95) == 1]
            needed.append(found[0] if found else 60)
        return float(np.mean(needed))

    assert pairs_needed(4.0) < 8
    assert pairs_needed(0.5) > 25


differences = st.lists(st.floats(-1e6, 1e6), max_size=20)


@given(differences)
def test_the_other_way_round_it_says_the_opposite(drawn: list[float]) -> None:
    """Neither of the two programs is favoured."""
    turned = [-x for x in drawn]
    assert apart(turned, confidence=0.95) == -apart(drawn, confidence=0.95)
    assert apart(turned, confidence=0.95, spread=4e6) == -apart(drawn, confidence=0.95, spread=4e6)


@given(differences, st.floats(1e-3, 1e3))
def test_the_unit_of_the_score_does_not_matter(drawn: list[float], scale: float) -> None:
    """Nor does it with a range in the same unit."""
    scaled = [math.ldexp(x, round(math.log2(scale))) for x in drawn]
    factor = math.ldexp(1.0, round(math.log2(scale)))
    assert apart(scaled, confidence=0.95) == apart(drawn, confidence=0.95)
    assert apart(scaled, confidence=0.95, spread=2e6 * factor) == apart(drawn, confidence=0.95, spread=2e6)


@pytest.mark.parametrize(
    ("drawn", "said"), [([], 0), ([5.0, 5.0], 0), ([5.0] * 3, 1), ([-5.0] * 3, -1), ([0.0] * 9, 0)]
)
def test_scores_without_noise(drawn: list[float], said: int) -> None:
    """Three equal differences settle it; none at all never does."""
    assert apart(drawn, confidence=0.95) == said
