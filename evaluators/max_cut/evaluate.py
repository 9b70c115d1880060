"""Cuts of weighted graphs; the score is the weight of the cut over the greatest one.

A graph is a sum of odd cycles of 3, 5 and 7 nodes. The nodes have hidden sides. Each cycle is drawn with the sides in
turn, so that all of its edges are cut but one, of the least weight. No cut holds all edges of an odd cycle, so none
takes more of one than all but its lightest edge: the hidden sides cut the most that can be, whatever the size of the
graph, and the score of a greatest cut is 1 exactly. (I. Hen et al., "Probing for quantum speedup in spin-glass problems
with planted solutions", PRA 92 (2015), plant in a like way.)

The candidate defines `cut(nodes, edges)`, with edges (node, node, weight), and returns the side of each node, 0 or 1.
"""

from __future__ import annotations

import math
import random
import reprlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

FEWEST, MOST = 30, 80
CYCLES_PER_NODE = 0.75
NUMBER = {"search": 16, "held_out": 64}
SECONDS = {"search": 2.0, "held_out": 16.0}

Edge = tuple[int, int, int]
Draw = Callable[[], float]


class Instance(NamedTuple):
    """`greatest` is the weight of a greatest cut."""

    name: str
    nodes: int
    edges: list[Edge]
    greatest: int


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean of weight / greatest, from 0 to 1. Raises `ValueError` for an answer that is no list of sides."""
    instances = load(split, seed)
    answers = program.map("cut", [(each.nodes, each.edges) for each in instances], timeout=SECONDS[split])
    scores: dict[str, float] = {}
    for each, answer in zip(instances, answers, strict=True):
        scores[each.name] = weight(each.edges, read(answer, each)) / each.greatest
    greatest = sum(value == 1.0 for value in scores.values())
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"greatest": greatest},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(scores, greatest) if split == "search" else "",
    }


def weight(edges: list[Edge], sides: list[int]) -> int:
    """The sum of the weights of the edges with ends on two sides."""
    return sum(each for one, other, each in edges if sides[one] != sides[other])


def read(answer: Any, instance: Instance) -> list[int]:
    """The answer as a list of sides. Raises `ValueError` that names the first entry that is wrong."""
    if not isinstance(answer, list) or len(answer) != instance.nodes:
        told = f"{len(answer)} entries" if isinstance(answer, list) else shown(answer)
        raise ValueError(f"{instance.name}: cut() must return a list of {instance.nodes} sides, not {told}")
    for place, side in enumerate(answer):
        if type(side) not in (int, bool) or side not in (0, 1):
            raise ValueError(f"{instance.name}: entry {place} is {shown(side)}; a side is 0 or 1")
    return [int(side) for side in answer]


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


@lru_cache(maxsize=16)
def load(split: str, seed: int) -> list[Instance]:
    """The instances of a split for a seed, the same on every machine."""
    made = []
    for k in range(NUMBER[split]):
        # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
        draw = random.Random(f"max_cut/{split}/{seed}/{k}").random  # noqa: S311 - data, not a secret
        nodes = between(draw, FEWEST, MOST)
        made.append(graph(f"graph-{k:03d}", nodes, draw))
    return made


def graph(name: str, nodes: int, draw: Draw) -> Instance:
    """Odd cycles, added up, with half of the nodes on each side."""
    order = some(draw, list(range(nodes)), nodes)
    halves = order[: nodes // 2], order[nodes // 2 :]
    weights: dict[tuple[int, int], int] = {}
    greatest = 0
    for _ in range(int(CYCLES_PER_NODE * nodes)):
        pairs = between(draw, 1, 3)
        few, many = halves if draw() < 0.5 else halves[::-1]
        one, other = some(draw, few, pairs), some(draw, many, pairs + 1)
        # the sides in turn, begun and ended on the same one: the edge that closes the cycle is not cut
        cycle = [node for both in zip(other, one, strict=False) for node in both] + other[pairs:]
        least = between(draw, 1, 3)
        for place, node in enumerate(cycle):
            closing = place == len(cycle) - 1
            heavy = least if closing else least + between(draw, 0, 1)
            greatest += 0 if closing else heavy
            following = cycle[(place + 1) % len(cycle)]
            edge = min(node, following), max(node, following)
            weights[edge] = weights.get(edge, 0) + heavy
    return Instance(name, nodes, [(*edge, each) for edge, each in sorted(weights.items())], greatest)


def between(draw: Draw, low: int, high: int) -> int:
    """A whole number from low to high, all equally likely."""
    return low + int(draw() * (high - low + 1))


def some(draw: Draw, values: list[int], number: int) -> list[int]:
    """So many of the values in any order, all equally likely."""
    mixed = list(values)
    for place in range(number):
        other = between(draw, place, len(mixed) - 1)
        mixed[place], mixed[other] = mixed[other], mixed[place]
    return mixed[:number]


def describe(scores: dict[str, float], greatest: int) -> str:
    """What a proposer may want to know of the search instances."""
    worst = min(scores, key=lambda name: scores[name])
    return (
        f"{greatest} of {len(scores)} cuts are as great as can be; the worst, {worst}, has {scores[worst]:.4f} of it."
    )
