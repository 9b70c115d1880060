"""Some moves of a local search."""


def cut(nodes: int, edges: list[list[int]]) -> list[int]:
    """Begun with the sides in turn, one node after another changes its side where that is better."""
    near: list[list[tuple[int, int]]] = [[] for _ in range(nodes)]
    for one, other, weight in edges:
        near[one].append((other, weight))
        near[other].append((one, weight))
    sides = [node % 2 for node in range(nodes)]
    for _ in range(1):
        for node in range(nodes):
            if sum(weight if sides[other] == sides[node] else -weight for other, weight in near[node]) > 0:
                sides[node] = 1 - sides[node]
    return sides
