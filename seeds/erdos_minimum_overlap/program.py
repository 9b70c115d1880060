"""A step function for Erdős' minimum overlap problem."""


# EVOLVE-BLOCK-START
def heights():
    """Two levels, low at the edges and high in the middle, and then scaled from 0 or from 1 to the mean 1/2."""
    half = [0.2, 0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8, 0.8]
    half = [min(max(value, 0.0), 1.0) for value in half]
    values = half + half[::-1]
    mean = sum(values) / len(values)
    if mean >= 0.5:
        return [0.5 / mean * value for value in values]
    return [1.0 - 0.5 / (1.0 - mean) * (1.0 - value) for value in values]


# EVOLVE-BLOCK-END
