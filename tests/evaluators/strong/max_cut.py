"""Local search by single nodes, begun anew many times."""

import random


def cut(nodes: int, edges: list[list[int]]) -> list[int]:
    """The best of thirty cuts that no single node improves."""
    near: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    for one, other, weight in edges:
        near[one].append((other, weight))
        near[other].append((one, weight))
    draw = random.Random(0)
    best: tuple[int, list[int]] = (-1, [])
    for _ in range(30):
        sides = [draw.randrange(2) for _ in range(nodes)]
        moved = True
        while moved:
            moved = False
            for node in range(nodes):
                if sum(weight if sides[other] == sides[node] else -weight for other, weight in near[node]) > 0:
                    sides[node] = 1 - sides[node]
                    moved = True
        best = max(best, (sum(weight for one, other, weight in edges if sides[one] != sides[other]), sides))
    return best[1]
