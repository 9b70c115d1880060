"""13 points in the plane, no three of them close to a line, in as small a convex hull as can be.

The candidate defines `points()`, which returns 13 pairs (x, y) anywhere in the plane. The score is the area of the
smallest of the 286 triangles that they make divided by the area of their convex hull: the Heilbronn problem for convex
regions, where the region of area 1 may be chosen too, and the hull is the best choice.

Each number is taken for the rational that the double is; hull and triangles are computed in integers, and the score is
rounded once, at the end. It does not change under affine maps, so neither the scale nor the place of the points
matters.
"""

from __future__ import annotations

import itertools
import math
import reprlib
from typing import Any

import numpy as np

POINTS = 13

Pair = tuple[float, float]
Exact = tuple[int, int]


def evaluate(program: Any) -> dict[str, Any]:
    """The smallest area as a fraction of the hull's. Raises `ValueError` that says what is wrong with the points."""
    points = read(program.call("points"))
    exact, _ = scaled(points)
    corners = hull(exact)
    size = twice_the_area(corners)
    if size == 0:
        raise ValueError("all points are on one line, so that their convex hull has no area")
    areas = triangles(exact)
    smallest, triple = areas[0]
    close = sum(100 * area <= 101 * smallest for area, _ in areas)
    return {
        "score": ratio(smallest, size),
        "metrics": {"close_to_smallest": close},
        "measures": {"corners_of_the_hull": float(len(corners))},
        "feedback": f"The convex hull has {len(corners)} corners. " + describe(areas, triple, close),
    }


def hull(points: list[Exact]) -> list[Exact]:
    """The corners of the convex hull, counterclockwise; points on its sides are none (Andrew's monotone chain)."""
    ordered = sorted(points)
    return half(ordered)[:-1] + half(ordered[::-1])[:-1]


def half(points: list[Exact]) -> list[Exact]:
    """The chain from the first point to the last one that turns left everywhere."""
    chain: list[Exact] = []
    for point in points:
        while len(chain) > 1 and turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def turn(a: Exact, b: Exact, c: Exact) -> int:
    """Twice the signed area of a triangle, positive when it is counterclockwise."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])


def twice_the_area(corners: list[Exact]) -> int:
    """Twice the area of a convex polygon."""
    return sum(turn(corners[0], b, c) for b, c in itertools.pairwise(corners[1:]))


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
