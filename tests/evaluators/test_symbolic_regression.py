"""The symbolic regression task against its own targets, and against every kind of malformed answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, ProgramError, load_evaluator

task = load_evaluator(bundled("evaluators") / "symbolic_regression" / "evaluate.py")
SEED = bundled("seeds") / "symbolic_regression"


def koza(x: float) -> float:
    return x * (1 + x * (1 + x * (1 + x)))


def keijzer(x: float, y: float) -> float:
    return x * y + math.sin((x - 1) * (y - 1))


def constant(value: float, *point: float) -> float:
    return value


def evaluate(
    target_a: Callable[..., object] = koza, target_b: Callable[..., object] = keijzer, split: str = "search"
) -> dict[str, Any]:
    answer: dict[str, Any] = task.evaluate(FakeProgram({"target_a": target_a, "target_b": target_b}), split)
    return answer


def test_the_targets_are_the_published_formulas() -> None:
    """The formulas, written down a second time, have no error on the held-out points, which are free of noise."""
    assert evaluate(split="held_out")["score"] < 1e-15


def test_the_formulas_have_the_error_of_the_noise_on_the_sample() -> None:
    """On the noisy sample the exact formulas have the error of the noise, and no other formula is better by much."""
    result = evaluate()
    assert 0.04 < result["instances"]["target_a"] < 0.06
    assert 0.04 < result["instances"]["target_b"] < 0.06
    assert result["score"] == sum(result["instances"].values()) / 2


def test_the_best_constant_has_an_error_of_one() -> None:
    """The error is in units of the standard deviation of the values."""
    for split in ("search", "held_out"):
        mean = {name: fmean(task.sample(name, split).values) for name in ("target_a", "target_b")}
        constants = {name: partial(constant, value) for name, value in mean.items()}
        assert math.isclose(evaluate(**constants, split=split)["score"], 1.0)


def test_the_seed_is_a_simple_guess() -> None:
    """The seed is valid, a little better than a constant and far from the targets."""
    for split in ("search", "held_out"):
        assert 0.5 < task.evaluate(FakeProgram.load(SEED), split)["score"] < 1.0


def test_samples_are_where_they_should_be_and_never_change() -> None:
    """100 and 1,000 points in the published ranges, none in common; the first ones written down."""
    for name, arity, reach in (("target_a", 1, 1.0), ("target_b", 2, 3.0)):
        search, held_out = task.sample(name, "search"), task.sample(name, "held_out")
        assert (len(search.points), len(search.values)) == (100, 100)
        assert (len(held_out.points), len(held_out.values)) == (1000, 1000)
        assert not set(search.points) & set(held_out.points)
        for point in search.points + held_out.points:
            assert len(point) == arity
            assert all(-reach <= value <= reach for value in point)
        spread = [value for point in held_out.points for value in point]
        assert abs(sum(spread) / len(spread)) < 0.1 * reach
    assert task.sample("target_a", "search").points[0] == (0.6888437030500962,)
    assert task.sample("target_b", "held_out").points[0] == (-1.5722122374486518, 0.26537535177571114)


def test_an_evaluation_takes_two_messages() -> None:
    """All points of a target are asked for at once."""
    program = FakeProgram.load(SEED)
    task.evaluate(program)
    assert program.trips == 2


def test_feedback_names_the_worst_points_of_the_sample_and_none_that_are_held_out() -> None:
    """A proposer learns where the error is largest, on the search sample alone."""
    text = evaluate(target_a=lambda x: koza(x) if x < 0.9 else 0.0)["feedback"]
    worst = max(task.sample("target_a", "search").points)[0]
    assert f"furthest off at ({worst:.4g}) it gives 0, the sample says" in text
    assert "target_b: normalised error 0.05" in text
    assert evaluate(split="held_out")["feedback"] == ""


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "0.5",
        True,
        float("nan"),
        float("inf"),
        -float("inf"),
        0.5 + 0j,
        [0.5],
        {},
        10**400,
        np.array([0.5]),
        np.array(True),
        b"",
    ],
    ids=lambda answer: repr(answer)[:20],
)
def test_an_answer_that_is_no_finite_real_number_is_an_error_that_names_the_point(answer: object) -> None:
    """One wrong answer is found, and the text says for which arguments."""
    point = task.sample("target_b", "search").points[40]
    where = re.escape(f"target_b({point[0]:.4g}, {point[1]:.4g}) returned ")
    with pytest.raises(ValueError, match=where + ".* one finite real number"):
        evaluate(target_b=lambda x, y: answer if (x, y) == point else 0.0)


def test_numbers_of_other_kinds_are_taken_for_what_they_are() -> None:
    """Ints, numpy scalars and arrays without dimensions are numbers; a large int that a float can hold is one too."""
    expected = evaluate(lambda x: 1.0, lambda x, y: 0.0)["score"]
    assert evaluate(lambda x: 1, lambda x, y: np.float64(0.0))["score"] == expected
    assert evaluate(lambda x: np.array(1), lambda x, y: np.int32(0))["score"] == expected
    assert 1e99 < evaluate(lambda x: 10**100)["score"] < 1e101


def test_an_error_too_large_for_a_float_is_told_as_such() -> None:
    """Squares of large residuals do not overflow; a sum that does is an error in words."""
    assert math.isfinite(evaluate(lambda x: 1e200)["score"])
    with pytest.raises(ValueError, match="target_a is so far off that its error is not a finite number"):
        evaluate(lambda x: math.copysign(1.7e308, x))


def test_an_exception_at_one_point_is_the_programs_error() -> None:
    """A formula that is undefined somewhere has no score, and the text is Python's own."""
    with pytest.raises(ProgramError, match=r"math domain error|expected a nonnegative input"):
        evaluate(math.sqrt)
    with pytest.raises(ProgramError, match="OverflowError"):
        evaluate(lambda x: math.exp(1e6 * (1 + x)))
    with pytest.raises(ProgramError, match="target_b"):
        task.evaluate(FakeProgram({"target_a": koza}))


def test_a_negative_base_that_turns_complex_is_told() -> None:
    """`x ** 0.5` of a negative float is complex in Python, and no answer."""
    with pytest.raises(ValueError, match="of type complex; it must return one finite real number"):
        evaluate(lambda x: x**0.5)
