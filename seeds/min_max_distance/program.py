"""16 points in the plane."""

import math


# EVOLVE-BLOCK-START
def points():
    """Three rings: 1 point, 5 points and 10 points."""
    rings = [(1, 0.1, 0.2), (5, 1.0, 0.4), (10, 2.1, 0.1)]
    placed = []
    for number, radius, phase in rings:
        for k in range(number):
            angle = phase + 2.0 * math.pi * k / number
            placed.append((radius * math.cos(angle), radius * math.sin(angle)))
    return placed


# EVOLVE-BLOCK-END
