"""Formulas for two unknown functions."""

import math


# EVOLVE-BLOCK-START
def target_a(x):
    """A line through the sample of the first function."""
    return 0.5 + 1.0 * x


def target_b(x, y):
    """A plane through the sample of the second function."""
    return 0.5 + 0.5 * x + 0.5 * y


# EVOLVE-BLOCK-END
