"""Differences and intersections."""

from .merge import joined


def without(one, other):
    """What is in one and not in the other."""
    found = []
    holes = joined(other)
    for start, end in joined(one):
        for low, high in holes:
            if high <= start or low >= end:
                continue
            if low > start:
                found.append([start, low])
            start = high
        if start < end:
            found.append([start, end])
    return found


def common(one, other):
    """What is in both."""
    found = []
    for start, end in joined(one):
        for low, high in joined(other):
            first, last = max(start, low), min(end, high)
            if first < last:
                found.append([first, last])
    return found
