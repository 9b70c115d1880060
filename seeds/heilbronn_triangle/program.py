"""11 points in the triangle with the corners (0, 0), (1, 0), (0, 1)."""


# EVOLVE-BLOCK-START
def points():
    """Three times three points, each three the same shares of the corners in turn, and two more."""
    turns = [(0.0, 0.3), (0.12, 0.7), (0.25, 0.4)]
    others = [(0.47, 0.08), (0.06, 0.52)]
    placed = []
    for a, b in turns:
        c = 1.0 - a - b
        placed += [(a, b), (b, c), (c, a)]
    placed += others
    inside = []
    for x, y in placed:
        x, y = max(x, 0.0), max(y, 0.0)
        size = max(x + y, 0.999999) / 0.999999
        inside.append((x / size, y / size))
    return inside


# EVOLVE-BLOCK-END
