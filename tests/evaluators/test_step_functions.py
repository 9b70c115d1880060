"""Minimum overlap and autocorrelation against integrals in rational numbers, and against malformed answers."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, load_evaluator

NAMES = ("erdos_minimum_overlap", "second_autocorrelation")
tasks: dict[str, ModuleType] = {name: load_evaluator(bundled("evaluators") / name / "evaluate.py") for name in NAMES}
erdos, second = (tasks[name] for name in NAMES)


def evaluate(name: str, answer: object) -> dict[str, Any]:
    result: dict[str, Any] = tasks[name].evaluate(FakeProgram({"heights": lambda: answer}))
    return result


def overlap(heights: list[Fraction], shift: Fraction) -> Fraction:
    """The integral of h(t) (1 - h(t + shift)) over t and t + shift in [0, 2], piece by piece; any shift."""
    steps = len(heights)
    edges = [Fraction(2 * k, steps) for k in range(steps + 1)]
    low, high = max(Fraction(0), -shift), min(Fraction(2), 2 - shift)
    if low >= high:
        return Fraction(0)
    cuts = sorted({low, high} | {e for e in (*edges, *(edge - shift for edge in edges)) if low < e < high})
    total = Fraction(0)
    for a, b in itertools.pairwise(cuts):
        middle = (a + b) / 2
        h, other = (heights[int(place * steps / 2)] for place in (middle, middle + shift))
        total += (b - a) * h * (1 - other)
    return total


def normalised(heights: list[Fraction]) -> list[Fraction]:
    """The same function with the integral 1: scaled down from 0, or from 1."""
    mean = sum(heights, Fraction(0)) / len(heights)
    if mean >= Fraction(1, 2):
        return [height / (2 * mean) for height in heights]
    return [1 - (1 - height) / (2 - 2 * mean) for height in heights]


def flatness(heights: list[int]) -> Fraction:
    """The score of f from the norms of f * f, whose values are sums of products."""
    steps = len(heights)
    nodes = [Fraction(0)] * (2 * steps + 1)
    for i, j in itertools.product(range(steps), repeat=2):
        nodes[i + j + 1] += heights[i] * heights[j]
    energy = sum(((a * a + a * b + b * b) / 3 for a, b in itertools.pairwise(nodes)), Fraction(0))
    mass = sum(((a + b) / 2 for a, b in itertools.pairwise(nodes)), Fraction(0))
    return energy / (mass * max(nodes))


def balanced(values: list[int]) -> list[float]:
    """Heights in eighths with the mean 1/2 exactly: the values and, in reverse, what is missing from 1."""
    return [value / 8 for value in values] + [(8 - value) / 8 for value in reversed(values)]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=6))
def test_the_overlap_is_the_integral_at_the_worst_of_all_shifts(values: list[int]) -> None:
    """At whole steps the score is the largest integral, exactly, and between them no integral is larger."""
    heights = balanced(values)
    exact = [Fraction(height) for height in heights]
    steps = len(heights)
    whole = max(overlap(exact, Fraction(2 * k, steps)) for k in range(-steps, steps + 1))
    score = evaluate("erdos_minimum_overlap", heights)["score"]
    assert score == float(whole)
    assert all(overlap(exact, Fraction(2 * k, 3 * steps)) <= whole for k in range(-3 * steps, 3 * steps + 1))


@given(st.lists(st.integers(0, 8), min_size=1, max_size=12))
def test_mirror_images_and_complements_have_the_same_overlap(values: list[int]) -> None:
    """h(2 - t), 1 - h(t), and h on twice as many steps."""
    heights = balanced(values)
    score = evaluate("erdos_minimum_overlap", heights)["score"]
    assert evaluate("erdos_minimum_overlap", heights[::-1])["score"] == score
    assert evaluate("erdos_minimum_overlap", [1.0 - height for height in heights])["score"] == score
    assert evaluate("erdos_minimum_overlap", [h for height in heights for h in (height, height)])["score"] == score


@settings(max_examples=40)
@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6), st.integers(-40, 40))
def test_the_score_is_that_of_a_function_that_is_allowed(values: list[float], off: int) -> None:
    """Where rounding has moved the integral, the score belongs to heights in [0, 1] with the integral 1 exactly."""
    heights = [round(value, 9) for value in [*values, *(1.0 - value for value in values)]]
    heights[0] = min(max(heights[0] + off * 1e-11, 0.0), 1.0)
    ints = [Fraction(round(height * erdos.ONE), erdos.ONE) for height in heights]
    mended = normalised(ints)
    assert all(0 <= height <= 1 for height in mended)
    assert sum(mended) * 2 == len(mended)
    worst = max(overlap(mended, Fraction(2 * k, len(mended))) for k in range(-len(mended), len(mended) + 1))
    assert evaluate("erdos_minimum_overlap", heights)["score"] == float(worst)


def test_simple_functions_have_the_overlaps_that_one_computes_by_hand() -> None:
    """A constant has 1/2; the indicator of [1/2, 3/2] has 1/2 too, and that of [0, 1] all of it."""
    assert evaluate("erdos_minimum_overlap", [0.5])["score"] == 0.5
    assert evaluate("erdos_minimum_overlap", [0.5] * 7)["score"] == 0.5
    assert evaluate("erdos_minimum_overlap", [0, 1, 1, 0])["score"] == 0.5
    assert evaluate("erdos_minimum_overlap", [1, 0])["score"] == 1.0


def test_a_heavy_function_cannot_lower_the_bound() -> None:
    """An integral other than 1 is an error, from the first amount that could matter."""
    for heights in ([0.4] * 10, [0.6] * 10, [0.0] * 5, [1.0] * 5):
        with pytest.raises(ValueError, match=r"integral of h is [\d.]+ and must be 1: the mean of the heights"):
            evaluate("erdos_minimum_overlap", heights)
    with pytest.raises(ValueError, match=r"integral of h is 1\.000000002"):
        evaluate("erdos_minimum_overlap", [0.5 + 1e-9] * 10)
    with pytest.raises(ValueError, match=r"integral of h is 0\.999999998"):
        evaluate("erdos_minimum_overlap", [0.5 - 1e-9] * 10)
    assert evaluate("erdos_minimum_overlap", [0.5 - 1e-10] * 10)["score"] == 0.5


@pytest.mark.parametrize("value", [-5e-324, -1.0, 1.0 + 2**-52, 2, 1e308])
def test_a_height_outside_of_the_unit_interval_is_named(value: float) -> None:
    """However little it is outside."""
    with pytest.raises(ValueError, match=r"heights\[2\] is .*; every height must be in \[0, 1\]"):
        evaluate("erdos_minimum_overlap", [0.5, 0.5, value, 0.5])


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
def test_the_flatness_is_the_one_of_the_norms(values: list[int]) -> None:
    """Where the heights are multiples of the resolution the score is the nearest double of the rational number."""
    scaled = [value * second.ONE // max(values) for value in values]
    assert second.bound(scaled, second.convolve(scaled, scaled)) == float(flatness(scaled))
    assert math.isclose(evaluate("second_autocorrelation", values)["score"], flatness(values), rel_tol=1e-10)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any), st.sampled_from([2.0**-60, 0.5, 2.0**900]))
def test_scale_mirror_image_padding_and_finer_steps_do_not_matter(values: list[int], scale: float) -> None:
    """The function is the same one, or looks the same to the norms."""
    score = evaluate("second_autocorrelation", values)["score"]
    assert evaluate("second_autocorrelation", [scale * value for value in values])["score"] == score
    assert evaluate("second_autocorrelation", values[::-1])["score"] == score
    assert evaluate("second_autocorrelation", [0, 0, *values, 0])["score"] == score
    finer = evaluate("second_autocorrelation", [value for each in values for value in (each, each)])["score"]
    assert math.isclose(finer, score, rel_tol=1e-12)
    assert 0.0 < score <= 1.0


def test_simple_functions_have_the_flatness_that_one_computes_by_hand() -> None:
    """An indicator convolved with itself is a tent, whose flatness is 2/3, and never more than 1 for any f."""
    assert evaluate("second_autocorrelation", [3.5])["score"] == 2 / 3
    assert evaluate("second_autocorrelation", [1] * 9)["score"] == 2 / 3
    # 1 0 1: the square is 1 0 2 0 1, the energy (1 + 1 + 4 + 4 + 1 + 1) / 3, mass 4, top 2
    assert evaluate("second_autocorrelation", [1, 0, 1])["score"] == 0.5


@pytest.mark.parametrize("value", [-5e-324, -1e-9, -1, -1e308])
def test_a_negative_height_is_named(value: float) -> None:
    """However little it is below 0: with negative heights the ratio could pass its bound."""
    with pytest.raises(ValueError, match=r"heights\[1\] is .*; no height may be negative"):
        evaluate("second_autocorrelation", [1.0, value, 1.0])


def test_a_function_that_is_nowhere_positive_is_an_error() -> None:
    """Not a division by 0; -0.0 is 0."""
    with pytest.raises(ValueError, match="all heights are 0"):
        evaluate("second_autocorrelation", [0.0, -0.0, 0])


def test_extreme_heights_are_judged() -> None:
    """The largest and the smallest doubles, alone and together; what is too small beside the largest counts as 0."""
    assert evaluate("second_autocorrelation", [5e-324, 5e-324])["score"] == 2 / 3
    assert evaluate("second_autocorrelation", [1.7e308, 5e-324])["score"] == 2 / 3
    assert evaluate("erdos_minimum_overlap", [1.0, 5e-324])["score"] == 1.0


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=9), st.lists(st.integers(0, 10**12), min_size=1, max_size=9)
)
def test_the_product_of_polynomials_is_exact(a: list[int], b: list[int]) -> None:
    """Every coefficient of it, zeros at either end too."""
    expected = [0] * (len(a) + len(b) - 1)
    for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
        expected[i + j] += x * y
    for module in (erdos, second):
        assert module.convolve(a, b) == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_coefficient_carries_into_the_next(name: str) -> None:
    """The largest that there can be, of as many steps of full height as are allowed, fits into its place."""
    module = tasks[name]
    assert len(str(module.MOST * module.ONE**2)) <= module.DIGITS
    steps = 2_000
    assert max(module.convolve([module.ONE] * steps, [module.ONE] * steps)) == steps * module.ONE**2


@pytest.mark.parametrize("name", NAMES)
def test_as_many_steps_as_are_allowed_are_judged(name: str) -> None:
    """The longest function has the score of the same function in few steps."""
    module = tasks[name]
    few = [0.25, 0.75, 0.5, 0.5]
    long = np.repeat(few, module.MOST // 4)
    assert math.isclose(evaluate(name, long)["score"], evaluate(name, few)["score"], rel_tol=1e-12)
    with pytest.raises(ValueError, match=rf"1 to {module.MOST:,} numbers, not {module.MOST + 4} of them"):
        evaluate(name, np.concatenate([long, few]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value", [None, "0.5", True, float("nan"), float("inf"), -float("inf"), 1j, [0.5], 2**53 + 1, 10**400], ids=repr
)
def test_a_height_that_is_no_number_is_named(name: str, value: object) -> None:
    """The text says which one, what came and what is wanted."""
    with pytest.raises(ValueError, match=r"heights\[1\] is .* of type .*; it must be a finite float"):
        evaluate(name, [0.5, value, 0.5])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "must return a list of 1 to [0-9,]+ numbers, not None"),
        ("0.5", "must return a list of 1 to"),
        (0.5, "must return a list of 1 to"),
        ({"heights": [0.5]}, "must return a list of 1 to"),
        ([], "numbers, not 0 of them"),
        (np.zeros(0), "numbers, not 0 of them"),
        (np.full((2, 2), 0.5), r"type float64 and shape \(2, 2\)"),
        (np.array(0.5), r"shape \(\)"),
        (np.full(3, 0.5, dtype=complex), "type complex128"),
        (np.ones(3, dtype=bool), "type bool"),
        (np.array([0.5, np.nan]), r"heights\[1\] is nan"),
        ([[0.5], [0.5]], r"heights\[0\] is \[0.5\] of type list"),
    ],
    ids=repr,
)
def test_an_answer_of_another_shape_is_an_error_that_says_so(name: str, answer: object, told: str) -> None:
    """Of another kind, with another number of dimensions, or empty."""
    with pytest.raises(ValueError, match=told):
        evaluate(name, answer)


@pytest.mark.parametrize("name", NAMES)
def test_lists_and_arrays_are_the_same_answer(name: str) -> None:
    """Arrays of any float type and numpy scalars are taken as what they hold."""
    heights = [0.25, 0.75, 0.5, 0.5]
    expected = evaluate(name, heights)
    for answer in (
        np.array(heights),
        np.array(heights, dtype=np.float16),
        [np.float64(h) for h in heights],
        tuple(heights),
    ):
        assert evaluate(name, answer) == expected
