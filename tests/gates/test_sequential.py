"""The gate adopts what is no better as seldom as it promises, whatever the law of the scores and whoever looks on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.gates.sequential import BETS, Evidence, Rules, Tally, Verdict, log_mean

Draw = Callable[[np.random.Generator], Iterable[float]]
LONG = Rules(futility=0.0, hopeful=0)
"""The bound alone: without futility and with the least of rounds, adoptions by mistake are as many as they can be."""


def run(rules: Rules, differences: Iterable[float], confirmation: int = 1) -> Evidence:
    """Fold until it is decided."""
    evidence = Evidence(rules, confirmation)
    for d in differences:
        if evidence.verdict is not Verdict.CONTINUE:
            break
        evidence = evidence.fold(evidence.family, d)
    return evidence


def coins(rng: np.random.Generator) -> Iterable[float]:
    """Ahead or behind by all, as often."""
    return (float(x) for x in rng.choice([-1.0, 1.0], 240))


def sparse(rng: np.random.Generator) -> Iterable[float]:
    """Nearly always equal."""
    return (float(x) for x in rng.choice([-1.0, 0.0, 1.0], 240, p=[0.05, 0.9, 0.05]))


def lottery(rng: np.random.Generator) -> Iterable[float]:
    """A little behind nine times in ten, far ahead once."""
    return (float(x) for x in np.where(rng.random(240) < 0.1, 0.9, -0.1))


def ruin(rng: np.random.Generator) -> Iterable[float]:
    """A little ahead nine times in ten, far behind once: it looks good most of the time."""
    return (float(x) for x in np.where(rng.random(240) < 0.1, -0.9, 0.1))


def solved(rng: np.random.Generator) -> Iterable[float]:
    """Each of the two solves seven instances in ten."""
    return (float(x) for x in (rng.random(240) < 0.7).astype(float) - (rng.random(240) < 0.7))


def narrow(rng: np.random.Generator) -> Iterable[float]:
    """Scores that differ by little."""
    return (float(x) for x in np.clip(rng.normal(scale=0.2, size=240), -1.0, 1.0))


def adversary(rng: np.random.Generator) -> Iterable[float]:
    """Chooses the law of each difference after the ones before, within mean 0: bold when the purse is small."""
    purse = 1.0
    for chance in rng.random(240):
        ahead = 0.05 if purse < 1.0 else 0.5
        gain = 1.0 if purse < 1.0 else 0.3
        d = gain if chance < ahead else -gain * ahead / (1.0 - ahead)
        purse *= 1.0 + 0.6 * d
        yield d


LAWS: tuple[Draw, ...] = (coins, sparse, lottery, ruin, solved, narrow, adversary)


@pytest.mark.parametrize("draw", LAWS, ids=lambda draw: draw.__name__)
def test_one_that_is_no_better_is_seldom_adopted(draw: Draw) -> None:
    """At most alpha_1 of the confirmations, looked at after every pair, for laws that mislead in different ways."""
    rng = np.random.default_rng(11)
    number, level = 160, LONG.level(1)
    rules = replace(LONG, least=1)
    adopted = sum(run(rules, draw(rng)).verdict is Verdict.ADOPT for _ in range(number))
    assert adopted <= number * level + 3 * math.sqrt(number * level), f"{adopted} of {number}"


@pytest.mark.parametrize("share", BETS)
@given(
    value=st.floats(0.001, 1.0),
    other=st.floats(0.001, 1.0),
    start=st.tuples(*[st.floats(-5.0, 5.0)] * len(BETS)),
)
def test_no_purse_grows_on_average(share: float, value: float, other: float, start: tuple[float, ...]) -> None:
    """For every law of two values with mean 0, hence for every bounded law of mean 0, which is a mix of such ones."""
    chance = other / (value + other)
    at = BETS.index(share)
    begun = Evidence(Rules(), 1, purses=start)

    def after(d: float) -> float:
        return math.exp(begun.fold("", d).purses[at] - start[at])

    assert chance * after(value) + (1.0 - chance) * after(-other) <= 1.0 + 1e-9


def test_families_that_gain_first_gain_nothing_by_it() -> None:
    """Half of the families are ahead, half behind, always: within a round the purse is large, not at its end."""
    families = tuple("abcdef")
    evidence, highest = Evidence(replace(LONG, families=families, least=1, veto=1e-9), 1), 0.0
    while evidence.verdict is Verdict.CONTINUE:
        evidence = evidence.fold(evidence.family, 1.0 if evidence.family in "abc" else -1.0)
        highest = max(highest, evidence.log_e)
    assert highest > 1.1
    assert evidence.verdict is Verdict.CAPPED


def test_within_a_round_nothing_is_decided() -> None:
    """However clear it is: the families that come first may be the ones that gain."""
    rules = Rules(families=("a", "b", "c"), least=4)
    evidence = run(rules, [1.0] * 11)
    assert evidence.log_e > -math.log(evidence.level)
    assert evidence.verdict is Verdict.CONTINUE
    assert evidence.fold("c", 1.0).verdict is Verdict.ADOPT


def test_levels_add_up_to_what_is_promised() -> None:
    """The sum over all confirmations that a lineage can start is alpha; each is lower than the one before."""
    rules = Rules()
    levels = [rules.level(k) for k in range(1, 20_000)]
    assert sum(levels) == pytest.approx(rules.alpha, rel=1e-3)
    assert sum(levels) <= rules.alpha
    assert sorted(levels, reverse=True) == levels


def test_a_lineage_of_worthless_edits_stays_as_it_was() -> None:
    """Of 20 lineages of 30 edits at most 2 adopt one; with the level of the first for all, many would."""
    rng = np.random.default_rng(5)
    rules = Rules(least=1)

    def lineages(level: Callable[[int], int]) -> int:
        return sum(
            any(run(rules, coins(rng), level(edit)).verdict is Verdict.ADOPT for edit in range(1, 31))
            for _ in range(20)
        )

    assert lineages(lambda edit: edit) <= 2
    assert lineages(lambda _edit: 1) > 7


def test_who_is_better_is_adopted_and_who_is_worse_is_given_up_soon() -> None:
    """A challenger that solves 85 in place of 60 of 100 instances, and one that solves 35."""
    rng = np.random.default_rng(3)

    def challengers(chance: float) -> list[Evidence]:
        return [
            run(Rules(), [float(x) for x in (rng.random(240) < chance).astype(float) - (rng.random(240) < 0.6)])
            for _ in range(60)
        ]

    better, worse = challengers(0.85), challengers(0.35)
    assert sum(evidence.verdict is Verdict.ADOPT for evidence in better) >= 57
    assert all(evidence.verdict is Verdict.FUTILE for evidence in worse)
    assert np.mean([evidence.pairs for evidence in worse]) < 35


differences = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=29)


@given(differences, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_change_what_they_say(drawn: list[float], random: Random) -> None:
    """It may change when it is decided, hence pairs are folded as they were drawn."""
    rules = Rules(least=29, veto=1e-9)
    shuffled = list(drawn)
    random.shuffle(shuffled)
    one, other = run(rules, drawn), run(rules, shuffled)
    assert one.log_e == pytest.approx(other.log_e, abs=1e-9)
    assert one.mean == pytest.approx(other.mean, abs=1e-12)


@given(differences, st.integers(0, 29))
def test_taken_up_again_it_is_as_if_it_had_never_stopped(drawn: list[float], cut: int) -> None:
    """To the bit, since what is known is frozen and holds everything."""
    rules = Rules(families=("a", "b"), least=20, cap=60)
    whole = run(rules, drawn)
    part = run(rules, drawn[:cut])
    for d in drawn[part.pairs : whole.pairs]:
        part = part.fold(part.family, d)
    assert part == whole
    assert (part.log_e, part.verdict) == (whole.log_e, whole.verdict)


@given(st.lists(st.floats(-1.0, 1.0), max_size=240), st.integers(1, 40))
def test_nobody_is_adopted_without_evidence(drawn: list[float], confirmation: int) -> None:
    """Who is adopted was ahead on average, in `least` rounds or more, and has the e-value that its number takes."""
    evidence = run(Rules(), drawn, confirmation)
    if evidence.verdict is Verdict.ADOPT:
        assert evidence.pairs >= 10
        assert evidence.mean > 0.0
        assert math.exp(-evidence.log_e) <= Rules().level(confirmation)


@given(differences, st.integers(0, 28), st.floats(-1.0, 1.0))
def test_a_better_pair_never_counts_for_less(drawn: list[float], place: int, better: float) -> None:
    """With any one difference raised, the e-value is no lower, and the one against it no higher."""
    place %= len(drawn)
    raised = [*drawn[:place], max(better, drawn[place]), *drawn[place + 1 :]]
    rules = Rules(least=29, veto=1e-9)
    assert run(rules, raised).log_e >= run(rules, drawn).log_e - 1e-12
    assert run(rules, raised).tallies[0].log_e <= run(rules, drawn).tallies[0].log_e + 1e-12


@given(st.tuples(*[st.floats(-700.0, 700.0)] * len(BETS)))
def test_the_mean_of_the_purses_lies_between_them(logs: tuple[float, ...]) -> None:
    """And is no lower than a fifth of the fullest one: so little is lost by not knowing the size of the gain."""
    assert min(logs) - 1e-9 <= log_mean(logs) <= max(logs) + 1e-9
    assert log_mean(logs) >= max(logs) - math.log(len(BETS)) - 1e-9


def test_a_long_row_neither_overflows_nor_vanishes() -> None:
    """Purses are kept as logs: with a cap of 5,000 pairs the e-value is beyond what a float can be."""
    rules = Rules(cap=5000, least=4000, futility=0.0)
    assert run(rules, [1.0] * 3999).log_e > 2000
    behind = run(replace(rules, veto=1e-300), [-0.4] * 3000)
    assert math.isfinite(behind.log_e)


@pytest.mark.parametrize("d", [math.nan, math.inf, -math.inf, 1.0000001, -2.0])
def test_what_is_no_difference_of_scores_is_refused(d: float) -> None:
    """A score out of range would be a bet that the incumbent cannot lose back."""
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        Evidence(Rules(), 1).fold("", d)


def test_what_comes_after_the_decision_is_refused() -> None:
    """Neither can a decision be changed by going on, nor a family be skipped."""
    decided = run(Rules(), [-1.0] * 240)
    assert decided.verdict.rejects
    with pytest.raises(ValueError, match="is decided"):
        decided.fold("", 1.0)
    with pytest.raises(ValueError, match="pair 0 is one of 'a', not of 'b'"):
        Evidence(Rules(families=("a", "b")), 1).fold("b", 1.0)


def rounds(last: Callable[[int], float], number: int = 40) -> list[float]:
    """Five families that are far ahead, and a sixth one that is what `last` says of each round."""
    return [d for at in range(number) for d in (0.9, 0.9, 0.9, 0.9, 0.9, last(at))]


def test_a_family_that_regresses_vetoes_whatever_the_others_gain() -> None:
    """The mean is far ahead, and one family of six loses what it had."""
    evidence = run(Rules(families=tuple("abcdef")), rounds(lambda _: -0.75))
    assert evidence.verdict is Verdict.VETOED
    assert evidence.behind == ("f",)
    assert evidence.pairs <= 60
    assert evidence.mean > 0.5


def test_nobody_is_adopted_while_a_family_is_in_doubt() -> None:
    """One family loses a little all the time, too little for a veto: at the cap the incumbent stays."""
    evidence = run(Rules(families=tuple("abcdef")), rounds(lambda _: -0.05))
    assert evidence.behind == ()
    assert evidence.log_e > 100.0
    assert evidence.verdict is Verdict.CAPPED
    assert run(Rules(families=tuple("abcdef")), rounds(lambda _: 0.0)).verdict is Verdict.ADOPT


def test_without_the_least_of_rounds_a_lucky_start_would_do() -> None:
    """A family that is ruined may win its first pairs; nobody is adopted before it was looked at more closely."""
    drawn = rounds(lambda at: 0.9 if at < 2 else -0.75)
    families = tuple("abcdef")
    assert run(Rules(families=families, least=1), drawn).verdict is Verdict.ADOPT
    assert run(Rules(families=families), drawn).verdict is Verdict.VETOED


def test_one_that_is_behind_nowhere_is_seldom_vetoed() -> None:
    """At most a share `veto`, over all families together."""
    rng = np.random.default_rng(2)
    rules = Rules(families=tuple("abcd"), futility=0.0)
    vetoed = sum(run(rules, coins(rng), 10**6).verdict is Verdict.VETOED for _ in range(200))
    assert 0 < vetoed <= 200 * rules.veto + 3 * math.sqrt(200 * rules.veto)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"families": ()}, "at least one"),
        ({"families": ("a", "a")}, "none twice"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": math.nan}, "alpha"),
        ({"veto": 1.0}, "veto"),
        ({"futility": 1.0}, "futility"),
        ({"least": 0}, "least"),
        ({"cap": 9}, "raise it to 10"),
    ],
)
def test_rules_that_promise_nothing_are_refused(wrong: dict[str, object], said: str) -> None:
    """With what to do about it."""
    with pytest.raises(ValueError, match=said):
        Rules(**wrong)  # type: ignore[arg-type]


def test_a_confirmation_has_a_number() -> None:
    """From 1, since the level depends on it."""
    with pytest.raises(ValueError, match="counted from 1"):
        Evidence(Rules(), 0)


def test_without_pairs_nothing_is_known() -> None:
    """An e-value of 1, no mean, no verdict."""
    evidence = Evidence(Rules(), 1)
    assert (evidence.log_e, evidence.mean, evidence.square, evidence.pairs) == (0.0, 0.0, 0.0, 0)
    assert evidence.verdict is Verdict.CONTINUE
    assert Tally().mean == 0.0
