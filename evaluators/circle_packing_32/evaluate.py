"""32 circles in the unit square without overlap; the score is the sum of their radii.

The candidate defines `pack()`, which returns (centers, radii) of shapes (32, 2) and (32,). Each number is taken for the
rational that the double is, and the packing must be valid in exact arithmetic: no tolerance, no repair. Two circles may
touch, and a radius may be 0. A candidate leaves whatever margin its own rounding needs; 1e-15 of a radius is enough.
"""

from __future__ import annotations

import itertools
import math
import reprlib
from typing import Any

import numpy as np

CIRCLES = 32
SHOWN = 5


def evaluate(program: Any) -> dict[str, Any]:
    """The sum of radii. Raises `ValueError` that says what is wrong with the answer, or which circles overlap."""
    centers, radii = read(program.call("pack"))
    if violations := check(centers, radii):
        raise ValueError(describe(violations))
    slack = room_to_grow(centers, radii)
    return {
        "score": math.fsum(radii),
        "metrics": {"slack": slack},
        "measures": {"smallest_radius": min(radii), "largest_radius": max(radii)},
        "feedback": (
            f"Valid. Radii from {min(radii):.6f} to {max(radii):.6f}; every radius could grow by {slack:.3g} at once "
            "before something touches."
        ),
    }


def read(answer: Any) -> tuple[list[tuple[float, float]], list[float]]:
    """Centers and radii as floats. Raises `ValueError` when the answer has another shape or holds no plain numbers."""
    if not isinstance(answer, list) or len(answer) != 2:
        raise ValueError(f"pack() must return (centers, radii), not {shown(answer)}")
    rows = sequence(answer[0], CIRCLES, "centers")
    centers = [sequence(row, 2, f"centers[{k}]") for k, row in enumerate(rows)]
    return (
        [(real(x, f"centers[{k}][0]"), real(y, f"centers[{k}][1]")) for k, (x, y) in enumerate(centers)],
        [real(radius, f"radii[{k}]") for k, radius in enumerate(sequence(answer[1], CIRCLES, "radii"))],
    )


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
    raise ValueError(f"{name} is {shown(value)}; it must be a finite number")


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


def check(centers: list[tuple[float, float]], radii: list[float]) -> list[tuple[float, str]]:
    """What is wrong with a packing: (by how much, what), the worst first; empty when it is valid.

    The doubles are scaled to integers by one common power of two, so that every comparison is exact.
    """
    numbers = [*itertools.chain.from_iterable(centers), *radii]
    ratios = [value.as_integer_ratio() for value in numbers]
    one = max(denominator for _, denominator in ratios)
    scaled = [numerator * (one // denominator) for numerator, denominator in ratios]
    xs, ys, rs = scaled[0 : 2 * CIRCLES : 2], scaled[1 : 2 * CIRCLES : 2], scaled[2 * CIRCLES :]
    found: list[tuple[float, str]] = []
    for k, (x, y, r) in enumerate(zip(xs, ys, rs, strict=True)):
        if r < 0:
            found.append((math.inf, f"radii[{k}] is {radii[k]!r}, but a radius is never negative"))
        for out, side in ((r - x, "left"), (x + r - one, "right"), (r - y, "lower"), (y + r - one, "upper")):
            if out > 0:
                found.append((ratio(out, one), f"circle {k} is out of the square on the {side} side"))
    for i, j in itertools.combinations(range(CIRCLES), 2):
        reach = rs[i] + rs[j]
        squared = (xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2
        if reach > 0 and squared < reach * reach:
            # r - d = (r^2 - d^2) / (r + d): no digit is lost when the two are close
            depth = ratio(reach * reach - squared, (reach + math.isqrt(squared)) * one)
            found.append((depth, f"circles {i} and {j} overlap"))
    return sorted(found, key=lambda violation: (-violation[0], violation[1]))


def ratio(numerator: int, denominator: int) -> float:
    """The quotient of two positive integers, the nearest float; infinite when it is too large for one."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf


def describe(violations: list[tuple[float, str]]) -> str:
    """The worst violations in words, and what to do about them."""
    worst = "; ".join(what if by == math.inf else f"{what} by {by:.3g}" for by, what in violations[:SHOWN])
    more = f"; and {len(violations) - SHOWN} more" if len(violations) > SHOWN else ""
    advice = ""
    if violations[0][0] < 1e-6:
        advice = ". The check is exact: shrink every radius by a little more than that"
    return f"not a packing: {worst}{more}{advice}"


def room_to_grow(centers: list[tuple[float, float]], radii: list[float]) -> float:
    """The largest number that could be added to every radius of a valid packing, in float arithmetic."""
    walls = [min(x, 1.0 - x, y, 1.0 - y) - r for (x, y), r in zip(centers, radii, strict=True)]
    pairs = [
        (math.dist(centers[i], centers[j]) - radii[i] - radii[j]) / 2.0
        for i, j in itertools.combinations(range(CIRCLES), 2)
    ]
    return max(0.0, min(*walls, *pairs))
