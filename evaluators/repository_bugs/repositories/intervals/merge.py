"""From any intervals to a set."""


def joined(intervals):
    """Sorted, without empty ones, and those that overlap or touch as one."""
    found = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return found
