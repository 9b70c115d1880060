"""Some exchanges of a local search."""


def assign(flows: list[list[int]], distances: list[list[int]], preferences: list[list[int]]) -> list[int]:
    """Facilities that come one after another exchange their places where that is better."""
    number = len(flows)
    places = list(range(number))
    for _ in range(2):
        for a in range(1, number):
            for b in (a - 1, a // 2):
                x, y = places[a], places[b]
                gain = 2 * (preferences[a][y] + preferences[b][x] - preferences[a][x] - preferences[b][y])
                for c, z in enumerate(places):
                    if c not in (a, b):
                        gain += (flows[a][c] - flows[b][c]) * (distances[x][z] - distances[y][z])
                if a != b and gain > 0:
                    places[a], places[b] = y, x
    return places
