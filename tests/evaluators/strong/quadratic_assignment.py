"""Local search by exchanges of two, begun anew a few times."""

import random

Matrix = list[list[int]]


def assign(flows: Matrix, distances: Matrix, preferences: Matrix) -> list[int]:
    """The best of eight assignments that no exchange improves."""
    number = len(flows)
    draw = random.Random(0)
    best: tuple[int, list[int]] | None = None
    for _ in range(8):
        places = list(range(number))
        draw.shuffle(places)
        moved = True
        while moved:
            moved = False
            for a in range(number):
                for b in range(a):
                    x, y = places[a], places[b]
                    gain = 2 * (preferences[a][y] + preferences[b][x] - preferences[a][x] - preferences[b][y])
                    for c, z in enumerate(places):
                        if c not in (a, b):
                            gain += (flows[a][c] - flows[b][c]) * (distances[x][z] - distances[y][z])
                    if gain > 0:
                        places[a], places[b] = y, x
                        moved = True
        pairs = sum(flows[a][b] * distances[places[a]][places[b]] for a in range(number) for b in range(a))
        cost = pairs - 2 * sum(preferences[a][place] for a, place in enumerate(places))
        best = min(best, (cost, places)) if best else (cost, places)
    assert best
    return best[1]
