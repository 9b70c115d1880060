"""Which bin gets the next item."""


# EVOLVE-BLOCK-START
def priority(item: int, remaining: int) -> float:
    """The value of putting `item` into a bin with `remaining` capacity left: the fuller the bin, the better."""
    gap = remaining - item
    if gap < 2:
        return 9.0 - 1.0 * gap
    if gap < 30:
        return 7.0 - 0.1 * gap
    return 4.0 - 0.01 * gap


# EVOLVE-BLOCK-END
