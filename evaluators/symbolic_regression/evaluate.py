"""Two classical targets of symbolic regression, found again from noisy samples.

- `target_a(x)`: x^4 + x^3 + x^2 + x on [-1, 1], "simple symbolic regression" of Koza, Genetic Programming (1992), 10.2;
  Koza-1 in McDermott et al., "Genetic programming needs better benchmarks", GECCO 2012.
- `target_b(x, y)`: x y + sin((x - 1)(y - 1)) on [-3, 3]^2, Keijzer, "Improving symbolic regression with interval
  arithmetic and linear scaling", EuroGP 2003; Keijzer-11 in McDermott et al.

The search sample has normal noise of a twentieth of the target's standard deviation; the held-out points are others,
without noise. The score is the root mean squared error divided by the standard deviation of the target's values on the
same points, mean over the two targets: 1 is what the best constant reaches, 0 is exact.
"""

from __future__ import annotations

import math
import random
import reprlib
from collections.abc import Callable
from functools import cache
from statistics import NormalDist, fmean, pstdev
from typing import Any, NamedTuple

import numpy as np

NOISE = 0.05
SHOWN = 3


class Target(NamedTuple):
    """A formula of `arity` arguments that are uniform on [-reach, reach]."""

    name: str
    arity: int
    reach: float
    formula: Callable[..., float]


TARGETS = (
    Target("target_a", 1, 1.0, lambda x: x**4 + x**3 + x**2 + x),
    Target("target_b", 2, 3.0, lambda x, y: x * y + math.sin((x - 1.0) * (y - 1.0))),
)


class Sample(NamedTuple):
    """`points` are argument tuples, `values` what is known of the target there."""

    points: list[tuple[float, ...]]
    values: list[float]


def evaluate(program: Any, split: str = "search") -> dict[str, Any]:
    """The mean normalised error, lower is better. Raises `ValueError` when a prediction is no finite number."""
    errors: dict[str, float] = {}
    told: list[str] = []
    for target in TARGETS:
        data = sample(target.name, split)
        predictions = [
            real(value, target, point)
            for point, value in zip(data.points, program.map(target.name, data.points), strict=True)
        ]
        errors[target.name] = normalised_error(predictions, data.values, target)
        told.append(describe(target, data, predictions, errors[target.name]))
    return {
        "score": fmean(errors.values()),
        "instances": errors,
        "feedback": "\n".join(told) if split == "search" else "",
    }


@cache
def sample(name: str, split: str) -> Sample:
    """The points of a split, the same on every machine: 100 noisy ones to search on, 1,000 exact ones held out."""
    number, target = next((k, target) for k, target in enumerate(TARGETS) if target.name == name)
    # Python promises the sequence of `random()` for a seed, and no more: everything is made from it by arithmetic
    draw = random.Random(2 * number + (split == "held_out")).random  # noqa: S311 - data, not a secret
    size = {"search": 100, "held_out": 1000}[split]
    points = [tuple(target.reach * (2.0 * draw() - 1.0) for _ in range(target.arity)) for _ in range(size)]
    values = [target.formula(*point) for point in points]
    if split == "search":
        noise = NormalDist(0.0, NOISE * pstdev(values))
        values = [value + noise.inv_cdf(draw()) for value in values]
    return Sample(points, values)


def normalised_error(predictions: list[float], values: list[float], target: Target) -> float:
    """Root mean squared error over the standard deviation of `values`. Raises `ValueError` when it is not finite."""
    # hypot scales, so that squares of large residuals do not overflow
    distance = math.hypot(*(p - v for p, v in zip(predictions, values, strict=True)))
    error = distance / math.sqrt(len(values)) / pstdev(values)
    if not math.isfinite(error):
        raise ValueError(f"{target.name} is so far off that its error is not a finite number")
    return error


def real(value: Any, target: Target, point: tuple[float, ...]) -> float:
    """A prediction as a finite float. Raises `ValueError` that names the point."""
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind in "iuf":
        value = value.item()
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            value = math.inf
    if type(value) is float and math.isfinite(value):
        return value
    raise ValueError(
        f"{target.name}({arguments(point)}) returned {shown(value)}; it must return one "
        f"finite real number for all arguments in [-{target.reach:g}, {target.reach:g}]"
    )


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


def arguments(point: tuple[float, ...]) -> str:
    """A point as it is written in a call."""
    return ", ".join(f"{value:.4g}" for value in point)


def describe(target: Target, data: Sample, predictions: list[float], error: float) -> str:
    """The error, and where the prediction is furthest off."""
    worst = sorted(range(len(predictions)), key=lambda k: -abs(predictions[k] - data.values[k]))[:SHOWN]
    where = "; ".join(
        f"at ({arguments(data.points[k])}) it gives {predictions[k]:.4g}, the sample says {data.values[k]:.4g}"
        for k in worst
    )
    return f"{target.name}: normalised error {error:.4f}; furthest off {where}."
