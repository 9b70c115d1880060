"""What a gate says it could have seen is what it sees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.gates.power import chance, smallest_gain
from evolve.gates.sequential import Evidence, Rules, Verdict

SHORT = Rules(families=("a", "b"), cap=60, least=5, hopeful=20)


def adopted(rules: Rules, confirmation: int, gain: float, square: float, number: int) -> tuple[float, float]:
    """By playing it: the share that the gate itself adopts, and the pairs it takes."""
    rng = np.random.default_rng(4)
    wins, pairs = 0, 0
    for _ in range(number):
        drawn = rng.choice([1.0, 0.0, -1.0], rules.cap, p=[(square + gain) / 2, 1 - square, (square - gain) / 2])
        evidence = Evidence(rules, confirmation)
        for d in drawn:
            if evidence.verdict is not Verdict.CONTINUE:
                break
            evidence = evidence.fold(evidence.family, float(d))
        wins += evidence.verdict is Verdict.ADOPT
        pairs += evidence.pairs
    return wins / number, pairs / number


@pytest.mark.parametrize(
    ("confirmation", "gain", "square"), [(1, 0.3, 0.5), (2, 0.2, 0.3), (1, 0.0, 0.6), (3, 0.5, 0.5)]
)
def test_the_chance_is_that_of_the_gate_itself(confirmation: int, gain: float, square: float) -> None:
    """Of 500 confirmations, within three standard errors; vetoes are set aside in both."""
    rules = Rules(families=("a", "b"), cap=60, least=5, hopeful=20, veto=1e-12)
    told = chance(rules, rules.level(confirmation), gain, square)
    share, pairs = adopted(rules, confirmation, gain, square, 500)
    assert abs(share - told.adopted) <= 3 * math.sqrt(told.adopted * (1 - told.adopted) / 500) + 1e-9
    assert pairs == pytest.approx(told.pairs, rel=0.06)


@settings(max_examples=30, deadline=None)
@given(
    families=st.integers(1, 3),
    least=st.integers(1, 5),
    cap=st.integers(15, 40),
    hopeful=st.sampled_from([0, 10, 30]),
    futility=st.sampled_from([0.0, 0.1, 0.5]),
    confirmation=st.sampled_from([1, 2, 5, 20]),
    square=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
)
def test_the_smallest_gain_is_where_the_chance_is_eighty_per_cent(
    families: int, least: int, cap: int, hopeful: int, futility: float, confirmation: int, square: float
) -> None:
    """A thousandth less is not adopted as often; and there is none where nobody is, who is ahead in every pair."""
    names = tuple(str(number) for number in range(families))
    rules = Rules(families=names, least=least, cap=cap, hopeful=hopeful, futility=futility)
    level = rules.level(confirmation)
    gain = smallest_gain(rules, level, square)
    if gain is None:
        assert chance(rules, level, 1.0, 1.0).adopted < 0.8
        return
    less = max(gain - 0.00101, 0.0)
    assert chance(rules, level, gain, max(square, gain)).adopted >= 0.8
    assert chance(rules, level, less, max(square, less)).adopted < 0.8


def test_more_confirmations_see_less_and_more_pairs_see_more() -> None:
    """Neither more noise."""

    def seen(rules: Rules, confirmation: int, square: float = 0.3) -> float:
        gain = smallest_gain(rules, rules.level(confirmation), square)
        assert gain is not None
        return gain

    assert seen(SHORT, 1) < seen(SHORT, 3) < seen(SHORT, 9)
    assert seen(Rules(families=("a", "b"), cap=120), 3) < seen(SHORT, 3)
    assert seen(SHORT, 1, 0.1) < seen(SHORT, 1, 0.6)


def test_rules_that_adopt_nobody_say_so() -> None:
    """Ten pairs, all of them won, are not enough for the hundredth confirmation."""
    rules = Rules(cap=10)
    assert smallest_gain(rules, rules.level(1), 0.2) is not None
    assert smallest_gain(rules, rules.level(100), 0.2) is None


def test_a_law_that_cannot_be_is_refused() -> None:
    """A gain above the mean square."""
    with pytest.raises(ValueError, match="mean square"):
        chance(SHORT, 0.05, 0.5, 0.4)
