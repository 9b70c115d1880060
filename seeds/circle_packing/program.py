"""26 circles in the unit square."""

import math

CIRCLES = 26


# EVOLVE-BLOCK-START
def pack():
    """Centers, 26 pairs, and radii, 26 numbers: one circle in the middle, a ring of 8, and a ring of the rest."""
    centers = [(0.5, 0.5)]
    for k in range(8):
        angle = 2.0 * math.pi * k / 8
        centers.append((0.5 + 0.3 * math.cos(angle), 0.5 + 0.3 * math.sin(angle)))
    rest = CIRCLES - len(centers)
    for k in range(rest):
        angle = 2.0 * math.pi * k / rest
        centers.append((0.5 + 0.4 * math.cos(angle), 0.5 + 0.4 * math.sin(angle)))
    centers = [(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in centers]
    radii = []
    for i, (x, y) in enumerate(centers):
        room = min(x, 1.0 - x, y, 1.0 - y)
        for j, other in enumerate(centers):
            if j != i:
                room = min(room, 0.5 * math.dist((x, y), other))
        radii.append(0.9999 * room)
    return centers, radii


# EVOLVE-BLOCK-END
