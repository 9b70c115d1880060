"""32 circles in the unit square."""

import math


# EVOLVE-BLOCK-START
def pack():
    """Centers, 32 pairs, and radii, 32 numbers: six rows, and each circle as large as half the way to its neighbour."""
    rows = [(6, 0.08, 0.08, 0.16), (5, 0.25, 0.1, 0.2), (5, 0.4, 0.1, 0.2)]
    rows += [(5, 0.6, 0.1, 0.2), (5, 0.75, 0.1, 0.2), (6, 0.92, 0.08, 0.16)]
    centers = []
    for number, height, first, apart in rows:
        for k in range(number):
            centers.append((min(max(first + apart * k, 0.0), 1.0), min(max(height, 0.0), 1.0)))
    radii = []
    for i, (x, y) in enumerate(centers):
        room = min(x, 1.0 - x, y, 1.0 - y)
        for j, other in enumerate(centers):
            if j != i:
                room = min(room, 0.5 * math.dist((x, y), other))
        radii.append(0.9999 * room)
    return centers, radii


# EVOLVE-BLOCK-END
