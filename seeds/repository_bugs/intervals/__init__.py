"""Sets of whole numbers as sorted lists of intervals [start, end), which neither overlap nor touch.

`joined(intervals)` makes such a set of any intervals; `without(one, other)` is the difference and `common(one, other)` the
intersection of two; `length(intervals)` the number of numbers in any intervals; `gaps(intervals)` what lies between them.
"""

from .merge import joined
from .cutting import common, without


def length(intervals):
    total = 0
    for start, end in joined(intervals):
        total += end - start
    return total


def gaps(intervals):
    found = []
    known = joined(intervals)
    for place in range(1, len(known)):
        found.append([known[place - 1][1], known[place][0]])
    return found
