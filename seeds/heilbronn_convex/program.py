"""13 points in the plane."""

import math


# EVOLVE-BLOCK-START
def points():
    """Two rings, one of 8 and one of 5 points, neither of them quite round."""
    rings = [(8, 1.0, 0.0, 1.2), (5, 0.6, 0.5, 1.0)]
    placed = []
    for number, radius, phase, stretch in rings:
        for k in range(number):
            angle = phase + 2.0 * math.pi * k / number + 0.05 * k
            placed.append((stretch * radius * math.cos(angle), radius * math.sin(angle)))
    return placed


# EVOLVE-BLOCK-END
