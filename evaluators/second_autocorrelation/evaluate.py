"""The second autocorrelation inequality: a step function whose convolution with itself is as flat as can be.

The candidate defines `heights()`: the values, none of them negative, of a function f that is constant on each of n
intervals of equal length and 0 elsewhere. The score is

    ||f * f||_2^2 / (||f * f||_1 ||f * f||_inf)

for the convolution f * f, and higher is better: it is a lower bound for the smallest constant C with ||f * f||_2^2 <= C
||f * f||_1 ||f * f||_inf for all nonnegative f, which Hölder's inequality puts at 1 or below (Martin and O'Bryant, "The
supremum of autoconvolutions", Illinois J. Math. 53 (2009); problem B.2 of the AlphaEvolve paper, arXiv:2506.13131).

f * f is linear between the multiples of the step, so with the step as the unit and c the coefficients of the square of
the polynomial with these heights, and 0 on either side of them, the three norms are: the sum over neighbours a, b of (a
a + a b + b b) / 3, the square of the sum of the heights, and the largest c. All of it is done in integers: heights are
rounded to multiples of 1e-12 of the largest, which gives another step function, and its score is computed exactly.
Neither the scale of f nor the length of the steps matters.
"""

from __future__ import annotations

import decimal
import itertools
import math
import reprlib
from typing import Any

import numpy as np

MOST = 50_000
ONE = 10**12
DIGITS = 30  # of MOST * ONE * ONE


def evaluate(program: Any) -> dict[str, Any]:
    """The bound. Raises `ValueError` that says what is wrong with the heights."""
    given = read(program.call("heights"))
    for k, value in enumerate(given):
        if value < 0.0:
            raise ValueError(f"heights[{k}] is {value!r}; no height may be negative")
    largest = max(given)
    if largest == 0.0:
        raise ValueError("all heights are 0; at least one must be positive")
    heights = [round(value / largest * ONE) for value in given]
    squares = convolve(heights, heights)
    top = max(squares)
    place = squares.index(top)
    close = sum(1_000 * value >= 999 * top for value in squares)
    return {
        "score": bound(heights, squares),
        "metrics": {"steps": len(heights), "close_to_largest": close},
        "measures": {"steps": float(len(heights)), "zeros": heights.count(0) / len(heights)},
        "feedback": (
            f"f * f is largest at {(place + 1) / len(squares):.4f} of its support; {close} of {len(squares)} of its "
            f"values are within 0.1 % of that, and {sum(2 * value < top for value in squares)} are below half of it. "
            "The flatter it is, the better."
        ),
    }


def bound(heights: list[int], squares: list[int]) -> float:
    """The score of the step function whose square has the coefficients `squares`, rounded once."""
    energy = sum(a * a + a * b + b * b for a, b in itertools.pairwise([0, *squares, 0]))
    return energy / (3 * sum(heights) ** 2 * max(squares))


def read(answer: Any) -> list[float]:
    """The heights as floats. Raises `ValueError` when the answer is no list of at most `MOST` finite numbers."""
    if isinstance(answer, np.ndarray):
        if answer.dtype.kind not in "iuf" or answer.ndim != 1:
            raise ValueError(
                f"heights() returned an array of type {answer.dtype} and shape {answer.shape}; use (steps,)"
            )
        answer = answer.tolist()
    if not isinstance(answer, list) or not 1 <= len(answer) <= MOST:
        told = f"{len(answer)} of them" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"heights() must return a list of 1 to {MOST:,} numbers, not {told}")
    return [real(value, f"heights[{k}]") for k, value in enumerate(answer)]


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


def convolve(a: list[int], b: list[int]) -> list[int]:
    """The coefficients of the product of two polynomials, exactly; each number from 0 to ONE.

    Both are written as one long decimal number with `DIGITS` places for each coefficient, so that none carries into the
    next (Kronecker substitution). `decimal` multiplies long numbers by a number theoretic transform.
    """
    context = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    one, other = (
        context.create_decimal("".join(f"{value:0{DIGITS}d}" for value in reversed(polynomial)))
        for polynomial in (a, b)
    )
    length = len(a) + len(b) - 1
    product = str(context.multiply(one, other)).zfill(length * DIGITS)
    ends = range(len(product), len(product) - length * DIGITS, -DIGITS)
    return [int(product[end - DIGITS : end]) for end in ends]
