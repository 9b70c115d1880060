"""Edits, one letter each."""

from .tables import common


def script(a, b):
    table = common(a, b)
    edits = []
    i = j = 0
    while i < len(a) or j < len(b):
        if i < len(a) and j < len(b) and a[i] == b[j]:
            edits.append(["keep", a[i]])
            i += 1
            j += 1
        elif i < len(a) and (j == len(b) or table[i + 1][j] >= table[i][j + 1]):
            edits.append(["drop", a[i]])
            i += 1
        else:
            edits.append(["add", b[j]])
            j += 1
    return edits


def apply(a, edits):
    found = ""
    place = 0
    for kind, letter in edits:
        if kind == "add":
            found += letter
            continue
        if place >= len(a) or a[place] != letter:
            return None
        if kind == "keep":
            found += letter
        place += 1
    return found if place == len(a) else None
