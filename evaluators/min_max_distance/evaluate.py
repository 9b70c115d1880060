"""16 points in the plane whose largest distance is as small a multiple of their smallest as can be.

The candidate defines `points()`, which returns 16 pairs (x, y) anywhere in the plane. The score is the square of the
ratio of the largest distance to the smallest. Lower is better.

Each number is taken for the rational that the double is; squares of distances are integers, and the score is rounded
once, at the end. It does not change when the points are moved, turned or scaled.
"""

from __future__ import annotations

import itertools
import math
import reprlib
from typing import Any

import numpy as np

POINTS = 16

Pair = tuple[float, float]
Exact = tuple[int, int]


def evaluate(program: Any) -> dict[str, Any]:
    """The largest squared distance over the smallest. Raises `ValueError` that says what is wrong with the points."""
    points = read(program.call("points"))
    exact, _ = scaled(points)
    squares = distances(exact)
    (smallest, near), (largest, far) = squares[0], squares[-1]
    score = ratio(largest, smallest)
    if not math.isfinite(score):
        raise ValueError(f"points {near[0]} and {near[1]} are so close that the ratio is not a finite number")
    short = sum(100 * square <= 102 * smallest for square, _ in squares)
    long = sum(102 * square >= 100 * largest for square, _ in squares)
    return {
        "score": score,
        "metrics": {"ratio": math.sqrt(score), "close_to_smallest": short, "close_to_largest": long},
        "measures": {"close_pairs": float(short), "far_pairs": float(long)},
        "feedback": (
            f"The closest points are {near[0]} and {near[1]}, the furthest {far[0]} and {far[1]}, "
            f"{math.sqrt(score):.6f} times as far. {short} pairs are within 1 % of the smallest distance and {long} of "
            "the largest."
        ),
    }


def distances(points: list[Exact]) -> list[tuple[int, tuple[int, int]]]:
    """The squared distance of each two points, with their numbers, the smallest first."""
    found = []
    for i, j in itertools.combinations(range(len(points)), 2):
        (ax, ay), (bx, by) = points[i], points[j]
        found.append(((ax - bx) ** 2 + (ay - by) ** 2, (i, j)))
    return sorted(found)


def read(answer: Any) -> list[Pair]:
    """The points as floats, all of them different. Raises `ValueError` for any other answer."""
    rows = sequence(answer, POINTS, "points()")
    pairs = [sequence(row, 2, f"points[{k}]") for k, row in enumerate(rows)]
    points = [(real(x, f"points[{k}][0]"), real(y, f"points[{k}][1]")) for k, (x, y) in enumerate(pairs)]
    first: dict[Pair, int] = {}
    for k, point in enumerate(points):
        if first.setdefault(point, k) != k:
            raise ValueError(
                f"points[{first[point]}] and points[{k}] are the same, {point}; {POINTS} different ones count"
            )
    return points


def sequence(value: Any, length: int, name: str) -> list[Any]:
    """A list or an array of numbers, as the list of its `length` entries; tuples arrive as lists."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iuf":
            raise ValueError(f"{name} has the type {value.dtype}; use floats")
        value = list(value) if value.ndim > 1 else value.tolist()
    if not isinstance(value, list) or len(value) != length:
        told = f"{len(value)}" if isinstance(value, list) else shown(value)
        raise ValueError(f"{name} must have {length} entries, not {told}")
    return value


def real(value: Any, name: str) -> float:
    """A finite float that is exactly `value`."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf":
        value = value.item()
    if type(value) is int and abs(value) <= 2**53:
        return float(value)
    if type(value) is float and math.isfinite(value):
        return value
    raise ValueError(f"{name} is {shown(value)}; it must be a finite float, or an int of at most 2**53")


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


def scaled(points: list[Pair]) -> tuple[list[Exact], int]:
    """The points times a common power of two that makes all of them integers, and that power."""
    ratios = [value.as_integer_ratio() for point in points for value in point]
    one = max(denominator for _, denominator in ratios)
    numbers = [numerator * (one // denominator) for numerator, denominator in ratios]
    return list(zip(numbers[0::2], numbers[1::2], strict=True)), one


def ratio(numerator: int, denominator: int) -> float:
    """The quotient of two integers, the nearest float; infinite when it is too large for one."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf
