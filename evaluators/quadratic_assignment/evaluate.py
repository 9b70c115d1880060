"""Quadratic assignment with preferences; the score is the share of what can be gained over a random assignment.

Facilities are assigned to the places of a grid, one to each. The cost of an assignment is the sum over pairs of
facilities of flow * distance, minus `WEIGHT` times the sum of each facility's preference for its place: the lower the
better. It is the modified problem of E. Zelikman et al., "Self-Taught Optimizer", COLM 2024 (arXiv:2310.02304), with
the cost counted as a cost, and without its time.

The least cost is known for any size, since it is planted. A hidden assignment is drawn. The flows are a sum of groups
of 2, 3 and 4 facilities, among all of which so much flows, that lie together under it: two neighbours, three in a row
or around a corner, four in a square, whose distances add up to 1, 4 and 8, and no 2, 3 or 4 places of a grid have less.
Each facility likes some places best, its hidden one among them. So no assignment costs less than the hidden
one. (Palubeckis 1988 plants optima of the quadratic assignment problem in grids in a like way.)

The score of an instance is (mean - cost) / (mean - least), with the mean over all assignments: 0 is what a random
assignment has, 1 is best, and below 0 is worse than random.

The candidate defines `assign(flows, distances, preferences)` and returns the place of each facility.
"""

from __future__ import annotations

import math
import random
import reprlib
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

SHAPES = ((3, 4), (4, 4), (4, 5), (5, 5))
WEIGHT = 2
GROUPS_PER_PLACE = 2
NUMBER = {"search": 24, "held_out": 48}
SECONDS = {"search": 2.0, "held_out": 8.0}

Matrix = list[list[int]]
Draw = Callable[[], float]


class Instance(NamedTuple):
    """`least` is the lowest cost, `mean` the mean cost over all assignments."""

    name: str
    flows: Matrix
    distances: Matrix
    preferences: Matrix
    least: int
    mean: Fraction


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean share of what can be gained. Raises `ValueError` for an answer that is no assignment."""
    instances = load(split, seed)
    asked = [(each.flows, each.distances, each.preferences) for each in instances]
    answers = program.map("assign", asked, timeout=SECONDS[split])
    scores: dict[str, float] = {}
    for each, answer in zip(instances, answers, strict=True):
        scores[each.name] = float((each.mean - cost(each, read(answer, each))) / (each.mean - each.least))
    optimal = sum(value == 1.0 for value in scores.values())
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"optimal": optimal},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(scores, optimal) if split == "search" else "",
    }


def cost(instance: Instance, places: list[int]) -> int:
    """Of an assignment, each pair of facilities counted once."""
    flows, distances, preferences = instance.flows, instance.distances, instance.preferences
    pairs = combinations(range(len(places)), 2)
    moved = sum(flows[a][b] * distances[places[a]][places[b]] for a, b in pairs)
    return moved - WEIGHT * sum(preferences[a][place] for a, place in enumerate(places))


def read(answer: Any, instance: Instance) -> list[int]:
    """The answer as a list of places. Raises `ValueError` that names the first entry that is wrong."""
    length = len(instance.flows)
    if not isinstance(answer, list) or len(answer) != length:
        told = f"{len(answer)} entries" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"{instance.name}: assign() must return a list of {length} places, not {told}")
    seen: set[int] = set()
    for facility, place in enumerate(answer):
        if type(place) is not int or not 0 <= place < length:
            raise ValueError(
                f"{instance.name}: entry {facility} is {shown(place)}; use the ints from 0 to {length - 1}"
            )
        if place in seen:
            raise ValueError(f"{instance.name}: place {place} is taken twice, by entry {facility} again")
        seen.add(place)
    return answer


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@lru_cache(maxsize=16)
def load(split: str, seed: int) -> list[Instance]:
    """The instances of a split for a seed, the same on every machine: so many of each shape."""
    made = []
    for k in range(NUMBER[split]):
        # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
        draw = random.Random(f"quadratic_assignment/{split}/{seed}/{k}").random  # noqa: S311 - data, not a secret
        made.append(plant(f"grid-{k:03d}", *SHAPES[k % len(SHAPES)], draw))
    return made


def plant(name: str, rows: int, columns: int, draw: Draw) -> Instance:
    """An instance around a hidden assignment, which no other one is better than."""
    number = rows * columns
    where = [divmod(place, columns) for place in range(number)]
    distances = [[abs(a - c) + abs(b - d) for c, d in where] for a, b in where]
    living = shuffled(draw, list(range(number)))  # the facility at each place
    flows = [[0] * number for _ in range(number)]
    least = 0
    for _ in range(GROUPS_PER_PLACE * number):
        group, amount = together(draw, rows, columns), between(draw, 1, 9)
        for one, other in combinations(group, 2):
            a, b = living[one[0] * columns + one[1]], living[other[0] * columns + other[1]]
            flows[a][b] += amount
            flows[b][a] += amount
            least += amount * (abs(one[0] - other[0]) + abs(one[1] - other[1]))
    preferences = [[between(draw, 0, 9) for _ in range(number)] for _ in range(number)]
    for place, facility in enumerate(living):
        for liked in (place, between(draw, 0, number - 1), between(draw, 0, number - 1)):
            preferences[facility][liked] = 9
    least -= WEIGHT * 9 * number
    pairs = number * (number - 1)
    spread = Fraction(sum(map(sum, flows)), 2) * Fraction(sum(map(sum, distances)), pairs)
    mean = spread - WEIGHT * Fraction(sum(map(sum, preferences)), number)
    return Instance(name, flows, distances, preferences, least, mean)


def together(draw: Draw, rows: int, columns: int) -> list[tuple[int, int]]:
    """2, 3 or 4 places of the grid that are as near to one another as can be."""
    kind = between(draw, 0, 3)
    if kind == 0:  # three in a row, down or across
        down = draw() < 0.5
        top = between(draw, 0, rows - (3 if down else 1))
        left = between(draw, 0, columns - (1 if down else 3))
        return [(top + step * down, left + step * (not down)) for step in range(3)]
    top, left = between(draw, 0, rows - 2), between(draw, 0, columns - 2)
    square = [(top, left), (top, left + 1), (top + 1, left + 1), (top + 1, left)]
    turn = between(draw, 0, 3)
    # two neighbours, a corner, or all of a square
    return (square + square)[turn : turn + kind + 1]


def between(draw: Draw, low: int, high: int) -> int:
    """A whole number from low to high, all equally likely."""
    return low + int(draw() * (high - low + 1))


def shuffled(draw: Draw, values: list[int]) -> list[int]:
    """The same values in any order, all equally likely."""
    mixed = list(values)
    for last in range(len(mixed) - 1, 0, -1):
        other = between(draw, 0, last)
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed


def describe(scores: dict[str, float], optimal: int) -> str:
    """What a proposer may want to know of the search instances."""
    worst = min(scores, key=lambda name: scores[name])
    return f"{optimal} of {len(scores)} assignments are best; the worst, {worst}, has {scores[worst]:.4f}."
