"""The circle packing task against exact rational arithmetic, and against every kind of malformed answer."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, ProgramError, load_evaluator

task = load_evaluator(bundled("evaluators") / "circle_packing" / "evaluate.py")
SEED = bundled("seeds") / "circle_packing"

Packing = tuple[list[tuple[float, float]], list[float]]


def evaluate(centers: object, radii: object) -> dict[str, Any]:
    answer: dict[str, Any] = task.evaluate(FakeProgram({"pack": lambda: (centers, radii)}))
    return answer


def is_valid(packing: Packing) -> bool:
    """The definition in rational numbers."""
    centers = [(Fraction(x), Fraction(y)) for x, y in packing[0]]
    radii = [Fraction(r) for r in packing[1]]
    if any(r < 0 or x < r or x + r > 1 or y < r or y + r > 1 for (x, y), r in zip(centers, radii, strict=True)):
        return False
    return all(
        (centers[i][0] - centers[j][0]) ** 2 + (centers[i][1] - centers[j][1]) ** 2 >= (radii[i] + radii[j]) ** 2
        for i, j in itertools.combinations(range(26), 2)
    )


def grid() -> Packing:
    """26 of the 64 circles that touch each other and the walls in a grid of eighths: exact in doubles."""
    centers = [(column / 8 + 1 / 16, row / 8 + 1 / 16) for row in range(8) for column in range(8)]
    return centers[:26], [1 / 16] * 26


def grown(seed: int, shrink: float = 0.0) -> Packing:
    """26 random circles, each grown until it touches something, as far as floats can tell, and then shrunk a little."""
    draw = random.Random(seed)
    centers: list[tuple[float, float]] = []
    radii: list[float] = []
    while len(centers) < 26:
        x, y = draw.random(), draw.random()
        room = min(x, y, 1 - x, 1 - y, draw.random())
        for center, radius in zip(centers, radii, strict=True):
            room = min(room, math.dist((x, y), center) - radius)
        if room > 1e-3:
            centers.append((x, y))
            radii.append(room)
    return centers, [radius - shrink for radius in radii]


def moved(packing: Packing, which: int, ulps: int) -> Packing:
    """The packing with one of its 78 numbers moved by so many units in the last place."""
    centers, radii = packing
    numbers = [*itertools.chain.from_iterable(centers), *radii]
    for _ in range(abs(ulps)):
        numbers[which] = math.nextafter(numbers[which], math.inf if ulps > 0 else -math.inf)
    return [(numbers[2 * k], numbers[2 * k + 1]) for k in range(26)], numbers[52:]


@given(
    st.integers(0, 2**32), st.sampled_from([0.0, 5e-18, 1e-17, 1.5e-17, 3e-17]), st.integers(0, 77), st.integers(-2, 2)
)
def test_the_verdict_is_the_one_of_rational_arithmetic(seed: int, shrink: float, which: int, ulps: int) -> None:
    """For packings that touch everywhere and are moved by the smallest steps there are, float luck plays no part."""
    packing = moved(grown(seed, shrink), which, ulps)
    assert (task.check(*packing) == []) is is_valid(packing)


def test_such_packings_are_valid_and_invalid() -> None:
    """The packings of the test above lie on both sides of the border."""
    verdicts = [is_valid(grown(seed, shrink)) for seed in range(40) for shrink in (0.0, 1e-17, 3e-17)]
    assert 20 < sum(verdicts) < 100


@given(st.integers(0, 25))
def test_an_overlap_of_one_unit_in_the_last_place_is_caught(which: int) -> None:
    """Touching is allowed; one radius of a grid that touches everywhere, larger by one ulp, is not."""
    assert evaluate(*grid())["score"] == 26 / 16
    packing = moved(grid(), 52 + which, 1)
    assert not is_valid(packing)
    with pytest.raises(ValueError, match=r"overlap by 1\.39e-17.*shrink every radius"):
        evaluate(*packing)


@given(st.integers(0, 51))
def test_a_center_one_unit_off_is_caught(which: int) -> None:
    """Every center of the grid touches a neighbour or a wall on the side that it is moved to."""
    for ulps in (-1, 1):
        packing = moved(grid(), which, ulps)
        assert (task.check(*packing) == []) is is_valid(packing)
    assert task.check(*moved(grid(), which, -1))


def test_an_overlap_that_floats_cannot_see_is_caught() -> None:
    """The distance of these two rounds to the sum of their radii, and is a little smaller."""
    centers, radii = [(0.28, 0.28), (0.64, 0.53)], [0.2, 0.2382921400162225]
    assert math.dist(*centers) >= sum(radii)
    centers += [(0.02 + 0.03 * k, 0.98) for k in range(24)]
    radii += [0.01] * 24
    with pytest.raises(ValueError, match=r"^not a packing: circles 0 and 1 overlap by [\d.]+e-17\. "):
        evaluate(centers, radii)
    radii[1] -= 1e-15
    assert evaluate(centers, radii)["score"] == math.fsum(radii)


def test_the_seed_is_valid_and_far_from_the_best() -> None:
    """The seed is a construction, not a solution: valid with room to improve."""
    result = task.evaluate(FakeProgram.load(SEED))
    assert 1.5 < result["score"] < 2.0
    assert 0.0 < result["metrics"]["slack"] < 1e-4
    assert result["measures"]["smallest_radius"] <= result["measures"]["largest_radius"]
    assert "could grow by" in result["feedback"]


def test_lists_and_arrays_are_the_same_answer() -> None:
    """Arrays of any float type, arrays in lists, and a pair as a list are taken as what they hold."""
    centers, radii = grid()
    expected = evaluate(centers, radii)
    assert evaluate(np.array(centers), np.array(radii)) == expected
    assert evaluate(np.array(centers, dtype=np.float32), np.array(radii, dtype=np.float16)) == expected
    assert evaluate([np.array(center) for center in centers], [np.float64(r) for r in radii]) == expected
    assert evaluate([list(center) for center in centers], [np.array(r) for r in radii]) == expected
    assert task.evaluate(FakeProgram({"pack": lambda: [centers, radii]})) == expected


def test_each_wall_is_checked_and_named() -> None:
    """A circle that leaves the square is told with its side and by how much."""
    for center, side in (
        ((0.05, 0.95), "left"),
        ((0.95, 0.9), "right"),
        ((0.5, 0.05), "lower"),
        ((0.9, 0.95), "upper"),
    ):
        centers, radii = grid()
        centers[7], radii[7] = center, 0.1
        with pytest.raises(ValueError, match=f"circle 7 is out of the square on the {side} side by 0.05"):
            evaluate(centers, radii)


def test_the_worst_overlap_is_told_first() -> None:
    """Five violations are listed by how bad they are, the others are counted."""
    centers, radii = grid()
    radii[3] = 0.15
    with pytest.raises(ValueError, match=r"not a packing: circle.* by 0\.0\d+; .*; and \d+ more$"):
        evaluate(centers, radii)
    centers, radii = grid()
    centers[5] = centers[4]
    with pytest.raises(ValueError, match=r"not a packing: circles 4 and 5 overlap by 0\.125"):
        evaluate(centers, radii)


@pytest.mark.parametrize("radius", [-5e-324, -0.01, -1e300, -1])
def test_a_negative_radius_is_refused(radius: float) -> None:
    """A negative radius cannot make room for the others, whatever its size."""
    centers, radii = grid()
    radii[4] = radius
    with pytest.raises(ValueError, match=r"radii\[4\] is -[\de+.-]+, but a radius is never negative"):
        evaluate(centers, radii)


def test_a_radius_of_zero_is_a_point_that_no_other_circle_may_hold() -> None:
    """Points count for nothing, lie anywhere in the square, even on each other, but not inside of a circle."""
    centers, radii = grid()
    radii[4] = radii[5] = -0.0
    centers[4] = centers[5] = (1.0, 1.0)
    assert evaluate(centers, radii)["score"] == 24 / 16
    centers[4] = centers[0]
    with pytest.raises(ValueError, match=r"circles 0 and 4 overlap by 0\.0625"):
        evaluate(centers, radii)


def test_numbers_of_extreme_size_are_judged_in_little_time() -> None:
    """The largest and the smallest doubles need long integers, and no more than that."""
    for x, r in ((1e308, 1e308), (-1.7e308, 5e-324), (0.5, 1.7e308), (5e-324, 5e-324), (2**53, 1.0)):
        centers, radii = grid()
        centers[0], radii[0] = (x, 0.9), r
        assert (task.check(centers, radii) == []) is is_valid((centers, radii))
    tiny: Packing = (grid()[0], [5e-324] * 26)
    assert task.check(*tiny) == []
    assert evaluate(*tiny)["score"] == 26 * 5e-324


BAD_NUMBERS: list[object] = [
    None,
    "0.1",
    True,
    float("nan"),
    float("inf"),
    -float("inf"),
    0.1j,
    [0.1],
    {},
    2**53 + 1,
    -(10**400),
    np.array([0.1]),
    np.array(True),
    b"0",
]


@pytest.mark.parametrize("bad", BAD_NUMBERS, ids=lambda bad: repr(bad)[:20])
def test_an_entry_that_is_no_finite_number_is_named(bad: object) -> None:
    """One wrong entry among 78 is named in the text, as a coordinate and as a radius."""
    centers, radii = grid()
    rows: list[Any] = [list(center) for center in centers]
    rows[17][1] = bad
    with pytest.raises(ValueError, match=r"centers\[17\]\[1\] is .* must be a finite number"):
        evaluate(rows, radii)
    entries: list[Any] = list(radii)
    entries[25] = bad
    with pytest.raises(ValueError, match=r"radii\[25\] is .* must be a finite number"):
        evaluate(centers, entries)


def test_an_answer_of_another_shape_says_what_was_expected() -> None:
    """Too few, too many, nested, flat, or no sequences at all."""
    centers, radii = grid()
    for answer in (
        None,
        1.0,
        "no",
        [],
        [centers],
        [centers, radii, 2.6],
        {"centers": centers},
        np.zeros((2, 26)),
        True,
    ):
        with pytest.raises(ValueError, match=r"pack\(\) must return \(centers, radii\), not"):
            task.evaluate(FakeProgram({"pack": lambda answer=answer: answer}))
    wrong: list[object] = [
        centers[:25],
        [*centers, (0.9, 0.9)],
        [],
        None,
        "x",
        26,
        {},
        np.zeros((27, 2)),
        np.array(0.5),
    ]
    for value in wrong:
        with pytest.raises(ValueError, match=r"centers must have 26 entries, not"):
            evaluate(value, radii)
    wrong = [radii[:25], [*radii, 0.01], [], None, "x" * 26, 26, {}, np.zeros(25)]
    for value in wrong:
        with pytest.raises(ValueError, match=r"radii must have 26 entries, not"):
            evaluate(centers, value)
    wrong = [(0.5,), (0.5, 0.5, 0.5), [], 0.5, "xy", None, {"x": 0.5}, np.zeros(3)]
    for value in wrong:
        with pytest.raises(ValueError, match=r"centers\[2\] must have 2 entries, not"):
            evaluate([*centers[:2], value, *centers[3:]], radii)
    with pytest.raises(ValueError, match=r"centers\[0\] must have 2 entries"):
        evaluate(np.zeros((26, 3)), radii)
    with pytest.raises(ValueError, match=r"centers\[0\]\[0\] is"):
        evaluate(np.zeros((26, 2, 2)), radii)
    with pytest.raises(ValueError, match=r"radii\[0\] is"):
        evaluate(centers, [[r] for r in radii])
    with pytest.raises(ValueError, match="type bool; use floats"):
        evaluate(np.ones((26, 2), dtype=bool), radii)
    with pytest.raises(ValueError, match="type complex128; use floats"):
        evaluate(centers, np.zeros(26, dtype=complex))


def test_what_the_candidate_raises_is_the_programs_error() -> None:
    """An exception, and a value that is no data, reach whoever runs the evaluator."""
    with pytest.raises(ProgramError, match="ZeroDivisionError"):
        task.evaluate(FakeProgram({"pack": lambda: 1 / 0}))
    with pytest.raises(ProgramError, match="cannot cross"):
        task.evaluate(FakeProgram({"pack": lambda: (object(), [])}))
    with pytest.raises(ProgramError, match="pack"):
        task.evaluate(FakeProgram({}))
