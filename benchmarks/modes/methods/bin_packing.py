"""A threshold."""


def priority(item: int, remaining: int) -> float:
    """The tightest gap of at most 15, else a bin that keeps room for another item."""
    gap = remaining - item
    if gap <= 15:
        return 100.0 - gap
    return 1.0 if gap >= 20 else 0.0
