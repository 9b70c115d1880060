"""A step function for the second autocorrelation inequality."""


# EVOLVE-BLOCK-START
def heights():
    """A slope down and a low tail, in 16 steps; what is below 0 counts as 0."""
    shape = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    return [max(value, 0.0) for value in shape]


# EVOLVE-BLOCK-END
