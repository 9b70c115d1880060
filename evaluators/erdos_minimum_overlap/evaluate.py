"""Erdős' minimum overlap problem: a step function that gives an upper bound for the constant.

The candidate defines `heights()`: the values in [0, 1] of a function h on [0, 2] that is constant on each of n
intervals of equal length, with integral 1 (the heights have the mean 1/2). The score is

    max over x in [-2, 2] of the integral of h(t) (1 - h(t + x)) over the t with t and t + x in [0, 2]

and lower is better: by a theorem of Swinnerton-Dyer the infimum over all such step functions is the constant (J. K.
Haugland, "Advances in the minimum overlap problem", J. Number Theory 58 (1996), and "The minimum overlap problem
revisited", arXiv:1609.08000). Between multiples of the step 2 / n the integral is linear in x, so the largest value is
at a multiple k of it, where it is 2 / n times the sum of h[i] (1 - h[i + k]).

All of this is done in integers. Heights are rounded to multiples of 1e-12. What rounding has taken from the integral is
put right exactly, by scaling h down or 1 - h down, which stays in [0, 1]; an integral that is further off than 1e-9 is
an error. So the score is, but for its own rounding, a true bound.
"""

from __future__ import annotations

import decimal
import itertools
import math
import reprlib
from typing import Any

import numpy as np

MOST = 10_000
ONE = 10**12
DIGITS = 30  # of MOST * ONE * ONE
SLACK = 10**9


def evaluate(program: Any) -> dict[str, Any]:
    """The bound. Raises `ValueError` that says what is wrong with the heights."""
    given = read(program.call("heights"))
    for k, value in enumerate(given):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"heights[{k}] is {value!r}; every height must be in [0, 1]")
    heights = [round(value * ONE) for value in given]
    steps, total = len(heights), sum(heights)
    if abs(2 * total - steps * ONE) * SLACK > steps * ONE:
        raise ValueError(
            f"the integral of h is {2 * total / (steps * ONE):.12g} and must be 1: the mean of the heights, "
            f"{total / (steps * ONE):.12g}, must be 0.5 within 5e-10"
        )
    # a function and its complement have the same overlaps; the larger one is scaled down to the integral 1
    if 2 * total < steps * ONE:
        heights = [ONE - value for value in heights]
    values, unit = overlaps(heights)
    worst = max(range(len(values)), key=values.__getitem__)
    close = sum(10_000 * value >= 9_999 * values[worst] for value in values)
    return {
        "score": values[worst] / unit,
        "metrics": {"steps": steps, "close_to_largest": close},
        "measures": {"steps": float(steps), "roughness": math.fsum(abs(b - a) for a, b in itertools.pairwise(given))},
        "feedback": (
            f"The overlap is largest at a shift of {abs(worst - steps + 1)} of {steps} steps, x = "
            f"{2 * abs(worst - steps + 1) / steps:.4f}. {close} of {len(values)} shifts are within 0.01 % of it: to "
            "get better, all of them must fall."
        ),
    }


def overlaps(heights: list[int]) -> tuple[list[int], int]:
    """The overlap of h and 1 - h at each shift by whole steps, -(n - 1) to n - 1, in units of 1 / the second result.

    With S the sum of the heights and h[i] = n heights[i] / (2 S), 2 / n times the sum of h[i] (1 - h[i + k]) is
    (2 S A - n C) / (2 S S), where A is the sum of those heights[i] that have a partner and C that of heights[i]
    heights[i + k].
    """
    steps, total = len(heights), sum(heights)
    products = convolve(heights, heights[::-1])
    before = [0, *itertools.accumulate(heights)]
    values = []
    for place, product in enumerate(products):
        shift = place - steps + 1
        partnered = before[steps - shift] if shift >= 0 else total - before[-shift]
        values.append(2 * total * partnered - steps * product)
    return values, 2 * total * total


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
