"""11 points in a triangle of area 1, no three of them close to a line; the score is the smallest area that three make.

The candidate defines `points()`, which returns 11 pairs (x, y) in the triangle with the corners (0, 0), (1, 0), (0, 1).
Affine maps keep ratios of areas, so this triangle stands for every other, the equilateral one of the literature too:
the score is the area of the smallest of the 165 triangles divided by the area of the large one.

Each number is taken for the rational that the double is. Whether a point is inside and which triangle is the smallest
is decided in integers; the score is rounded once, at the end. There is no tolerance and no repair.
"""

from __future__ import annotations

import itertools
import math
import reprlib
from typing import Any

import numpy as np

POINTS = 11
SHOWN = 5

Pair = tuple[float, float]
Exact = tuple[int, int]


def evaluate(program: Any) -> dict[str, Any]:
    """The smallest area as a fraction of the triangle's. Raises `ValueError` that says which point is wrong."""
    points = read(program.call("points"))
    exact, one = scaled(points)
    if found := outside(exact, one):
        raise ValueError(f"not in the triangle: {'; '.join(found[:SHOWN])}{and_more(found)}")
    areas = triangles(exact)
    smallest, triple = areas[0]
    close = sum(100 * area <= 101 * smallest for area, _ in areas)
    return {
        # a determinant is twice an area, and the large triangle's is one * one
        "score": ratio(smallest, one * one),
        "metrics": {"close_to_smallest": close},
        "measures": {"on_the_sides": float(sum(x == 0 or y == 0 or x + y == one for x, y in exact))},
        "feedback": describe(areas, triple, close),
    }


def outside(points: list[Exact], one: int) -> list[str]:
    """Which points are not in the triangle, and by how much in the direction of an axis."""
    found = []
    for k, (x, y) in enumerate(points):
        for over, side in ((-x, "x < 0"), (-y, "y < 0"), (x + y - one, "x + y > 1")):
            if over > 0:
                found.append(f"points[{k}] has {side} by {ratio(over, one):.3g}")
    return found


def triangles(points: list[Exact]) -> list[tuple[int, tuple[int, int, int]]]:
    """Twice the area of each three points, with their numbers, the smallest first."""
    found = []
    for triple in itertools.combinations(range(len(points)), 3):
        (ax, ay), (bx, by), (cx, cy) = (points[k] for k in triple)
        found.append((abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)), triple))
    return sorted(found)


def describe(areas: list[tuple[int, tuple[int, int, int]]], triple: tuple[int, int, int], close: int) -> str:
    """Where a proposer may begin: the smallest triangle, and how many are nearly as small."""
    flat = " They are on one line, so the score is 0." if areas[0][0] == 0 else ""
    return (
        f"The smallest triangle has the points {', '.join(map(str, triple))}.{flat} {close} of {len(areas)} triangles "
        f"are within 1 % of it: to get better, all of them must grow."
    )


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


def and_more(found: list[str]) -> str:
    """What is said instead of a long list."""
    return f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""


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
