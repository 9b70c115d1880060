"""Circle packing with 32 circles: the evaluator is that of 26, so packings on either side of the border will do."""

from __future__ import annotations

import math
from typing import Any

import pytest

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, load_evaluator

task = load_evaluator(bundled("evaluators") / "circle_packing_32" / "evaluate.py")


def evaluate(centers: object, radii: object) -> dict[str, Any]:
    answer: dict[str, Any] = task.evaluate(FakeProgram({"pack": lambda: (centers, radii)}))
    return answer


def grid() -> tuple[list[tuple[float, float]], list[float]]:
    """32 of the 64 circles that touch each other and the walls in a grid of eighths: exact in doubles."""
    centers = [(column / 8 + 1 / 16, row / 8 + 1 / 16) for row in range(8) for column in range(8)]
    return centers[:32], [1 / 16] * 32


def test_a_packing_that_touches_everywhere_is_valid() -> None:
    """Its score is the sum of its radii, exactly."""
    assert evaluate(*grid())["score"] == 2.0


def test_what_reaches_over_by_a_billionth_is_caught() -> None:
    """A larger radius, a circle that is moved, one that leaves the square: each is named."""
    centers, radii = grid()
    with pytest.raises(ValueError, match=r"circles 9 and 10 overlap by 1e-09"):
        evaluate(centers, [*radii[:9], radii[9] + 1e-9, *radii[10:]])
    with pytest.raises(ValueError, match=r"circles 9 and 10 overlap by 1e-09"):
        evaluate([*centers[:9], (centers[9][0] + 1e-9, centers[9][1]), *centers[10:]], radii)
    with pytest.raises(ValueError, match=r"circle 0 is out of the square on the left side by 1e-09"):
        evaluate([(centers[0][0] - 1e-9, centers[0][1]), *centers[1:]], radii)


@pytest.mark.parametrize("number", [0, 26, 31, 33])
def test_any_other_number_of_circles_is_an_error(number: int) -> None:
    """Also one that is a good answer to the other task."""
    centers, radii = grid()
    with pytest.raises(ValueError, match=rf"centers must have 32 entries, not {number}"):
        evaluate((centers + centers)[:number], (radii + radii)[:number])
    with pytest.raises(ValueError, match=rf"radii must have 32 entries, not {number}"):
        evaluate(centers, (radii + radii)[:number])


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e-300, True, "0.1", None, 10**400])
def test_what_is_no_radius_is_an_error(value: object) -> None:
    """The text names the radius."""
    centers, radii = grid()
    with pytest.raises(ValueError, match=r"radii\[31\] is "):
        evaluate(centers, [*radii[:31], value])
