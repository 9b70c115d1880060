"""Each rule beside the gate says what is wrong, and only then."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest

from evolve.adoption.records import Adopted, Change, Outcome, Screened
from evolve.adoption.safety import (
    accelerating,
    change_between,
    collapse,
    drift,
    jump,
    large_change,
    large_gain,
    objective_changed,
    perfect,
    rate,
    screen,
    too_large,
)
from evolve.gates.sequential import Evidence, Rules, Verdict
from evolve.testing.trials import trial
from evolve.types import Cost, Evaluation, Program, Status, Trial

FREE = Rules(cap=500, least=500, futility=0.0)


def evidence(differences: Sequence[float]) -> Evidence:
    found = Evidence(FREE, 1)
    for d in differences:
        found = found.fold("", float(d))
    return found


def files(**texts: str) -> Program:
    return Program({f"{name}.py": text.encode() for name, text in texts.items()})


def adopted(*steps: tuple[int, int, float]) -> tuple[Adopted, ...]:
    """Adoptions at these trials, of so many lines, with these gains."""
    return tuple(Adopted(number=at, before=0, at=at, lines=lines, gain=gain) for at, lines, gain in steps)


def outcomes(number: int, challenger: float, *, incumbent: float = 0.5, swift: bool = False) -> list[Outcome]:
    return [Outcome(incumbent=(incumbent,), challenger=(challenger,), swift=swift)] * number


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (files(a="x\ny\nz"), files(a="x\ny\nz"), Change()),
        (files(a="x\ny\nz"), files(a="x\nq\nz"), Change(files=1, lines=2)),
        (files(a="x\ny\nz"), files(a="z\nx\ny"), Change(files=1, lines=2)),
        (files(a="x"), files(a="x", b=""), Change(files=1, lines=1)),
        (files(a="x", b="1\n2"), files(a="x"), Change(files=1, lines=4)),
        (files(a="x"), Program({"a.py": b"x"}, frozenset({"a.py"})), Change(files=1, lines=1)),
        (Program({"a": b"\xff\x00"}), Program({"a": b"\xfe\x00"}), Change(files=1, lines=2)),
        (files(a="x\n" + "y" * 120), files(a="x\n" + "z" * 36_001), Change(files=1, lines=302)),
        (files(a="x\ny\nz"), files(a="q\nx\ny\nz"), Change(files=1, lines=1)),
        (files(a="x\nx\nx"), files(a="x\nx"), Change(files=1, lines=1)),
    ],
    ids=[
        "none",
        "a line",
        "a line moved",
        "an empty file",
        "a file removed",
        "made executable",
        "bytes",
        "a long line",
        "lines in front",
        "lines of one kind",
    ],
)
def test_the_size_of_a_change(before: Program, after: Program, change: Change) -> None:
    """Lines that are removed or added, those of files that come or go included, and one for a file's mode. A long one
    is several, or any change could be one of two lines."""
    assert change_between(before, after) == change


def test_no_program_makes_the_comparison_take_long() -> None:
    """A very long file counts as changed as a whole."""
    before, after = files(a="x\n" * 50_000), files(a="x\n" * 25_000 + "y\n" * 25_000)
    begun = time.monotonic()
    assert change_between(before, after).lines == 50_000
    assert time.monotonic() - begun < 60.0


def test_lines_of_one_kind_do_not_make_the_comparison_take_long() -> None:
    """To match each of them with each other one in the best way takes eight times as long for twice as many: many count
    as changed as a whole, and so do a few in each of many files."""
    assert change_between(files(a="a\n" * 799), files(a="b\na\n" * 400)).lines > 1500
    few, mixed = "a\n" * 160, "b\na\n" * 80
    once = change_between(files(a=few), files(a=mixed)).lines
    assert once == 160
    names = [f"f{k}" for k in range(40)]
    assert change_between(files(**dict.fromkeys(names, few)), files(**dict.fromkeys(names, mixed))).lines > 50 * once


def test_size_has_a_limit_and_a_size_to_ask_at() -> None:
    """Both hold for what is above them."""
    assert too_large(Change(files=1, lines=40), 40) == ""
    assert too_large(Change(files=1, lines=41), 40) == "it changes 41 lines in one step; 40 are allowed"
    assert large_change(Change(files=1, lines=20), 20) == ""
    assert "above 20 a person is asked" in large_change(Change(files=1, lines=21), 20)


def test_a_large_gain_is_asked_about() -> None:
    """Above what was set."""
    assert large_gain(evidence([0.5] * 20), 0.5) == ""
    assert large_gain(evidence([0.6] * 20), 0.5) == "it gains 0.600 a pair; above 0.5 a person is asked"


def test_adoptions_within_a_window_are_counted() -> None:
    """Those that are as long ago as the window no longer count."""
    steps = adopted((10, 1, 0.1), (20, 1, 0.1))
    assert rate(steps, 29, most=2, window=20) == "2 were adopted within the last 20 trials; 2 are allowed"
    assert rate(steps, 30, most=2, window=20) == ""
    assert rate((), 0, most=1, window=5) == ""


def test_the_objective_is_one_tree() -> None:
    """Any other is said, with what to do."""
    assert objective_changed("abc", "abc") == ""
    assert "put that one back, or begin a new run" in objective_changed("abc", "abd")


def scored(number: int, **instances: float) -> Trial:
    fitness = sum(instances.values()) / len(instances)
    told = trial(number, f"{number}", fitness)
    evaluation = Evaluation(status=Status.OK, score=fitness, fitness=fitness, instances=instances)
    return Trial(number=number, program=told.program, parents=(), operator="", summary="", evaluation=evaluation)


def test_the_screen_compares_instances_that_both_have() -> None:
    """One that the challenger lacks counts as 0; without instances it is the fitness."""
    screened = screen(scored(0, a=0.25, b=0.5), scored(1, a=0.5, b=0.5, c=1.0))
    assert screened == Screened(pairs=2, mean=0.125, error=0.125)
    assert screen(scored(0, a=0.25, b=0.5), scored(1, a=0.5)).mean == -0.125
    assert screen(trial(0, "a", 0.25), trial(1, "b", 0.5)) == Screened(pairs=1, mean=0.25, error=None)
    assert not screen(scored(0, a=0.1, b=0.2, c=0.3), scored(1, a=0.3, b=0.2, c=0.1)).ahead


def test_drift_is_what_luck_does_not_explain() -> None:
    """Far ahead on what was seen, not on what was not, and by both 0.1 and four standard errors."""
    fresh = evidence([0.5, -0.5] * 50)
    assert drift(Screened(pairs=20, mean=0.4, error=0.05), fresh).startswith("drift: it is ahead by 0.400 on")
    assert drift(Screened(pairs=20, mean=0.2, error=0.05), fresh) == ""
    assert drift(Screened(pairs=20, mean=0.09, error=0.0), evidence([0.0] * 9)) == ""
    assert "inf standard errors" in drift(Screened(pairs=20, mean=0.3, error=0.0), evidence([0.0] * 9))
    assert drift(Screened(pairs=1, mean=1.0, error=None), fresh) == ""
    assert drift(Screened(pairs=20, mean=1.0, error=0.0), evidence([])) == ""


def test_luck_is_seldom_called_drift() -> None:
    """The luckiest of five on 20 reusable pairs, given up early on fresh ones: of 300 at most one in a hundred."""
    rng, rules, called = np.random.default_rng(8), Rules(), 0
    for _ in range(300):
        several = rng.choice([-1.0, 0.0, 1.0], (5, 20), p=[0.24, 0.52, 0.24])
        best = several[several.mean(axis=1).argmax()]
        screened = Screened(pairs=20, mean=float(best.mean()), error=float(best.std(ddof=1) / np.sqrt(20)))
        found = Evidence(rules, 3)
        while found.verdict is Verdict.CONTINUE:
            found = found.fold("", float(rng.choice([-1.0, 0.0, 1.0], p=[0.24, 0.52, 0.24])))
        called += bool(drift(screened, found))
    assert called <= 3


def test_a_jump_is_more_than_four_times_what_was_ever_gained() -> None:
    """Said when there are two adoptions to compare with."""
    found = evidence([0.5] * 20)
    assert jump(found, adopted((1, 1, 0.1), (2, 1, 0.12))).startswith("jump: it gains 0.500 a pair")
    assert jump(found, adopted((1, 1, 0.1), (2, 1, 0.13))) == ""
    assert jump(found, adopted((1, 1, 0.1))) == ""


def test_the_best_possible_score_everywhere_is_suspicious() -> None:
    """Unless the incumbent has it too."""
    assert perfect(outcomes(12, 1.0)) == "perfect: it has the best score there is in each of 12 pairs"
    assert perfect([*outcomes(12, 1.0), *outcomes(1, 0.99)]) == ""
    assert perfect(outcomes(12, 1.0, incumbent=1.0)) == ""
    assert perfect([]) == ""


def test_evaluations_that_take_no_time_are_suspicious() -> None:
    """When most of five pairs and more were swift."""
    assert collapse(outcomes(5, 0.9, swift=True)).startswith("collapse: in 5 of 5 pairs its evaluation took less")
    assert collapse(outcomes(4, 0.9, swift=True)) == ""
    assert collapse([*outcomes(4, 0.9, swift=True), *outcomes(4, 0.9)]) == ""
    assert collapse([*outcomes(5, 0.9, swift=True), *outcomes(4, 0.9)]) != ""


@pytest.mark.parametrize(
    ("before", "after", "swift"), [(1.0, 0.2, True), (1.0, 0.25, False), (0.09, 0.0, False), (0.1, 0.0, True)]
)
def test_swift_is_less_than_a_quarter_of_a_time_that_counts(before: float, after: float, swift: bool) -> None:
    """Times below a tenth of a second say nothing."""
    one, other = (Evaluation(status=Status.OK, fitness=0.5, cost=Cost(seconds=seconds)) for seconds in (before, after))
    assert Outcome.of(one, other, ("",)).swift is swift


def test_change_that_feeds_on_itself_is_noticed() -> None:
    """The last two adoptions changed three times as many lines a trial as those before."""
    steady = adopted((10, 10, 0.1), (20, 10, 0.1), (30, 10, 0.1))
    assert accelerating(steady, Change(files=1, lines=10), 40) == ""
    assert accelerating(steady, Change(files=1, lines=60), 40).startswith("acceleration: adoptions change 3.5 lines")
    assert accelerating(steady, Change(files=1, lines=30), 31).startswith("acceleration")
    assert accelerating(steady[:2], Change(files=1, lines=500), 21) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"challenger": (1.5,)},
        {"challenger": (float("nan"),)},
        {"challenger": (0.5, 0.5)},
        {"challenger": (), "incumbent": ()},
        {"incumbent": (-0.1,)},
    ],
)
def test_an_outcome_is_a_pair_of_scores(wrong: dict[str, object]) -> None:
    """In [0, 1], and as many of both."""
    with pytest.raises(ValueError, match=r"a pair has|a score in a pair"):
        Outcome(**{"incumbent": (0.5,), "challenger": (0.5,), **wrong})  # type: ignore[arg-type]


def test_the_outcome_of_two_evaluations() -> None:
    """Instances by the names of the families; what failed, is missing, or is worse than nothing has 0."""
    good, bad = scored(1, cut=0.4, sat=1.7).evaluation, Evaluation(status=Status.FAILED, instances={"cut": 0.9})
    assert Outcome.of(good, bad, ("cut", "sat")).incumbent == (0.4, 1.0)
    assert Outcome.of(good, bad, ("cut", "sat")).challenger == (0.0, 0.0)
    assert Outcome.of(scored(1, cut=-0.5).evaluation, good, ("cut", "sat")).incumbent == (0.0, 0.0)
    assert Outcome.of(good, bad, ("",)).incumbent == (1.0,)
