"""Heilbronn's problems and the distance ratio against the definitions in rational numbers, and bad answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, load_evaluator

NAMES = ("heilbronn_triangle", "heilbronn_convex", "min_max_distance")
tasks: dict[str, ModuleType] = {name: load_evaluator(bundled("evaluators") / name / "evaluate.py") for name in NAMES}

Points = Sequence[tuple[float, float]]
Rational = tuple[Fraction, Fraction]


def evaluate(name: str, answer: object) -> dict[str, Any]:
    result: dict[str, Any] = tasks[name].evaluate(FakeProgram({"points": lambda: answer}))
    return result


def number(name: str) -> int:
    wanted: int = tasks[name].POINTS
    return wanted


def twice(a: Rational, b: Rational, c: Rational) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])


def smallest(points: list[Rational]) -> Fraction:
    return min(abs(twice(*three)) for three in itertools.combinations(points, 3))


def hull(points: list[Rational]) -> Fraction:
    """Twice the hull's area by Green's theorem, over the ordered pairs that have all other points on their left."""
    total = Fraction(0)
    for a, b in itertools.permutations(points, 2):
        turns = [twice(a, b, c) for c in points]
        inside = all(
            turn > 0
            or (turn == 0 and min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1]))
            for turn, c in zip(turns, points, strict=True)
        )
        if inside:
            total += a[0] * b[1] - a[1] * b[0]
    return total


def by_definition(name: str, points: Points) -> Fraction:
    """The score in rational numbers; a triangle's own area is 1/2, twice that is 1."""
    exact = [(Fraction(x), Fraction(y)) for x, y in points]
    if name == "heilbronn_triangle":
        return smallest(exact)
    if name == "heilbronn_convex":
        return smallest(exact) / hull(exact)
    squares = [(a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 for a, b in itertools.combinations(exact, 2)]
    return max(squares) / min(squares)


def parabola(size: int) -> list[tuple[float, float]]:
    """Points (k, k^2) on a grid: three of them make a triangle of the area (j - i)(k - i)(k - j) / 2, at least 1."""
    return [(float(k), float(k * k)) for k in range(size)]


def turned(points: Points) -> list[tuple[float, float]]:
    """The triangle's own symmetry: the corners in turn, exact in doubles for multiples of a power of two."""
    return [(y, 1.0 - x - y) for x, y in points]


coordinates = st.integers(-(2**20), 2**20).map(lambda value: value / 2**10)


def inside(size: int) -> st.SearchStrategy[list[tuple[float, float]]]:
    """Different points in the triangle, multiples of 1/1024."""
    point = st.tuples(st.integers(0, 1024), st.integers(0, 1024)).filter(lambda pair: sum(pair) <= 1024)
    return st.lists(point.map(lambda pair: (pair[0] / 1024, pair[1] / 1024)), min_size=size, max_size=size, unique=True)


def anywhere(size: int) -> st.SearchStrategy[list[tuple[float, float]]]:
    return st.lists(st.tuples(coordinates, coordinates), min_size=size, max_size=size, unique=True)


@given(inside(11))
def test_the_triangle_score_is_the_definition(points: list[tuple[float, float]]) -> None:
    """The nearest double of the rational number, for points anywhere in the triangle; turning it changes nothing."""
    score = evaluate("heilbronn_triangle", points)["score"]
    assert score == float(by_definition("heilbronn_triangle", points))
    assert evaluate("heilbronn_triangle", turned(points))["score"] == score


@settings(max_examples=40)
@given(anywhere(13))
def test_the_convex_score_is_the_definition(points: list[tuple[float, float]]) -> None:
    """The nearest double of the rational number, with the hull's area found in another way."""
    assume(hull([(Fraction(x), Fraction(y)) for x, y in points]))
    assert evaluate("heilbronn_convex", points)["score"] == float(by_definition("heilbronn_convex", points))


@given(anywhere(16))
def test_the_distance_score_is_the_definition(points: list[tuple[float, float]]) -> None:
    """The nearest double of the rational number."""
    assert evaluate("min_max_distance", points)["score"] == float(by_definition("min_max_distance", points))


@settings(max_examples=40)
@given(anywhere(16), st.sampled_from([0.25, 2.0, -8.0]), st.integers(-100, 100), st.randoms(use_true_random=False))
def test_place_scale_and_order_do_not_matter(
    points: list[tuple[float, float]], scale: float, shift: int, random: Any
) -> None:
    """Maps that are exact in doubles leave both scores of the plane as they are."""
    assume(hull([(Fraction(x), Fraction(y)) for x, y in points[:13]]))
    for name in ("heilbronn_convex", "min_max_distance"):
        kept = points[: number(name)]
        moved = [(scale * y + shift, scale * x - shift) for x, y in kept]
        random.shuffle(moved)
        assert evaluate(name, moved)["score"] == evaluate(name, kept)["score"]


def test_small_constructions_have_the_scores_that_one_computes_by_hand() -> None:
    """Points of a parabola: neighbours make the smallest triangle, of the area 1."""
    # twice the area of the hull of (0, 0) ... (n, n^2) is n^3 minus twice that between curve and chords, which is n
    assert evaluate("heilbronn_convex", parabola(13))["score"] == 2 / sum(2 * k * (k + 1) // 2 for k in range(1, 12))
    grid = [(float(x), float(y)) for x in range(4) for y in range(4)]
    result = evaluate("min_max_distance", grid)
    assert result["score"] == 18.0
    assert result["metrics"] == {"ratio": math.sqrt(18.0), "close_to_smallest": 24, "close_to_largest": 2}
    small = [(x / 256, y / 256) for x, y in parabola(11)]
    assert evaluate("heilbronn_triangle", small)["score"] == 2 / 256**2


def test_the_hull_of_a_parabola_is_all_of_its_points() -> None:
    """The corners are counted, and a point on a side is none."""
    assert evaluate("heilbronn_convex", parabola(13))["measures"]["corners_of_the_hull"] == 13
    square = [
        (0.0, 0.0),
        (4.0, 0.0),
        (4.0, 4.0),
        (0.0, 4.0),
        (2.0, 0.0),
        *[(1.0 + k / 8, 1.0 + k * k / 64) for k in range(8)],
    ]
    result = evaluate("heilbronn_convex", square)
    assert result["measures"]["corners_of_the_hull"] == 4
    assert result["score"] == 0.0
    assert "on one line" in result["feedback"]


def test_a_point_outside_by_the_smallest_step_is_caught() -> None:
    """The long side is checked in exact arithmetic: 0.1 + 0.9 is above 1 for the doubles with these names."""
    points = [(x / 256, y / 256) for x, y in parabola(11)]
    assert Fraction(0.1) + Fraction(0.9) > 1
    assert 0.1 + 0.9 == 1.0
    with pytest.raises(ValueError, match=r"points\[3\] has x \+ y > 1 by [\d.]+e-17"):
        evaluate("heilbronn_triangle", [*points[:3], (0.1, 0.9), *points[4:]])
    for bad, told in (((-5e-324, 0.5), "x < 0"), ((0.5, -1e-9), "y < 0 by 1e-09"), ((0.5, 0.5 + 1e-9), "x \\+ y > 1")):
        with pytest.raises(ValueError, match=rf"not in the triangle: points\[0\] has {told}"):
            evaluate("heilbronn_triangle", [bad, *points[1:]])


def test_the_sides_and_corners_of_the_triangle_belong_to_it() -> None:
    """Touching is allowed, and counted."""
    points = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5), *[((k + 1) / 32, (k * k + 1) / 64) for k in range(7)]]
    result = evaluate("heilbronn_triangle", points)
    assert result["measures"]["on_the_sides"] == 4
    assert result["score"] == 0.0
    assert "They are on one line, so the score is 0" in result["feedback"]


def test_points_of_one_line_have_no_hull() -> None:
    """All on one line is an error and not a division by 0."""
    with pytest.raises(ValueError, match="on one line"):
        evaluate("heilbronn_convex", [(float(k), 2.0 * k) for k in range(13)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [5e-324, 1e308, -1e308, 2**53])
def test_numbers_of_extreme_size_are_judged_exactly(name: str, value: float) -> None:
    """Long integers, and no more than that: the verdict is the definition's, or names what cannot be."""
    points = [(x / 256, y / 256) for x, y in parabola(number(name))]
    points[2] = (value, 0.25)
    if name == "heilbronn_triangle" and value != 5e-324:
        with pytest.raises(ValueError, match=r"points\[2\] has x"):
            evaluate(name, points)
    elif name == "min_max_distance" and abs(value) == 1e308:
        with pytest.raises(ValueError, match="not a finite number"):
            evaluate(name, points)
    else:
        assert evaluate(name, points)["score"] == float(by_definition(name, points))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_point_twice_is_an_error(name: str) -> None:
    """Also with another sign of 0."""
    points = [(x / 256, y / 256) for x, y in parabola(number(name))]
    with pytest.raises(ValueError, match=r"points\[0\] and points\[4\] are the same, \(-0\.0, 0\.0\)"):
        evaluate(name, [*points[:4], (-0.0, 0.0), *points[5:]])


@pytest.mark.parametrize("name", NAMES)
def test_lists_and_arrays_are_the_same_answer(name: str) -> None:
    """An array of any float type, a list of arrays, or ints, are taken as what they hold."""
    points = [(x / 256, y / 256) for x, y in parabola(number(name))]
    expected = evaluate(name, points)
    answers: list[object] = [np.array(points), np.array(points, dtype=np.float32), [np.array(p) for p in points]]
    for answer in (*answers, [[np.float64(x), np.array(y)] for x, y in points]):
        assert evaluate(name, answer) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "value",
    [None, "0.1", True, float("nan"), float("inf"), -float("inf"), 1j, [0.1], 2**53 + 1, 10**400, np.array([1.0])],
    ids=repr,
)
def test_what_is_no_number_is_named(name: str, value: object) -> None:
    """The text says which coordinate it is, what came and what is wanted."""
    points: list[object] = [(x / 256, y / 256) for x, y in parabola(number(name))]
    points[5] = (0.25, value)
    with pytest.raises(ValueError, match=r"points\[5\]\[1\] is .* of type .*; it must be a finite float"):
        evaluate(name, points)


BAD: list[tuple[Callable[[int], object], str]] = [
    (lambda _: None, "must have .* entries, not None of type NoneType"),
    (lambda _: "points", "must have .* entries"),
    (lambda n: parabola(n - 1), "must have"),
    (lambda n: parabola(n + 1), "must have"),
    (lambda n: [0.5] * n, r"points\[0\] must have 2 entries, not 0.5"),
    (lambda n: [(0.1, 0.2, 0.3)] * n, r"points\[0\] must have 2 entries, not 3"),
    (lambda n: {"points": parabola(n)}, "must have"),
    (lambda n: np.zeros((n, 3)), r"points\[0\] must have 2 entries"),
    (lambda n: np.zeros((2, n)), "must have"),
    (lambda n: np.array(parabola(n)).astype(complex), "has the type complex128; use floats"),
    (lambda n: np.ones((n, 2), dtype=bool), "has the type bool"),
    (lambda _: np.array(0.5), "must have"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("make", "told"), BAD)
def test_an_answer_of_another_shape_is_an_error_that_says_so(
    name: str, make: Callable[[int], object], told: str
) -> None:
    """Too few, too many, of another kind: an error before anything is computed."""
    with pytest.raises(ValueError, match=told):
        evaluate(name, make(number(name)))
