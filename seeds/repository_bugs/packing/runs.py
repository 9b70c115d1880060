"""Runs of equal values."""


def runs(values):
    found = []
    for value in values:
        if found and found[-1][0] == value:
            found[-1][1] += 1
        else:
            found.append([value, 1])
    return found


def unrun(pairs):
    found = []
    for value, count in pairs:
        found.extend([value] * count)
    return found
