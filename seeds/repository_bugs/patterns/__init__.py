"""Patterns of names: `?` is any one character, `*` any number of them, `[a-cx]` one of those, `[!a-c]` one that is not.

`matches(pattern, name)` is True or False, and False for a pattern whose bracket has no end; `chosen(patterns, names)` are
the names that the last fitting pattern is not one with a leading "-" of, in order; `grouped(patterns, names)` the number of
names by the first pattern that fits, with those that none fits under "".
"""

from .matching import matches


def chosen(patterns, names):
    found = []
    for name in names:
        keep = False
        for pattern in patterns:
            if pattern.startswith("-"):
                if matches(pattern[1:], name):
                    keep = False
            elif matches(pattern, name):
                keep = True
        if keep:
            found.append(name)
    return found


def grouped(patterns, names):
    found = {}
    for name in names:
        fitting = [pattern for pattern in patterns if matches(pattern, name)]
        key = fitting[0] if fitting else ""
        found[key] = found.get(key, 0) + 1
    return found
