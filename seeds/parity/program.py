"""Learning parity with noise."""


# EVOLVE-BLOCK-START
def predict(bits, samples, labels, queries):
    """The labels by the best of a few subsets of the bits, a subset being a number like a sample."""
    best, most = 1, 0.0
    for subset in range(1, 4 + int(8.0 * bits)):
        right = 0.0
        for sample, label in zip(samples, labels):
            if (sample & subset).bit_count() % 2 == label:
                right += 1.0
        if right > most:
            best, most = subset, right
    return [(query & best).bit_count() % 2 for query in queries]


# EVOLVE-BLOCK-END
