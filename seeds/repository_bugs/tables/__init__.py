"""Tables as text, with commas between cells and a row a line.

A cell with a comma, a quote or a line break in it stands in quotes, and quotes in it are doubled. `read(text)` is the list
of rows, `written(rows)` its inverse; `column(text, name)` the cells below a name of the first row, "" where a row is too
short, or None where there is no such name; `total(text, name)` the sum of the whole numbers among them.
"""

from .reading import read
from .writing import written


def column(text, name):
    rows = read(text)
    if not rows or name not in rows[0]:
        return None
    place = rows[0].index(name)
    return [row[place] if place < len(row) else "" for row in rows[1:]]


def total(text, name):
    found = 0
    for cell in column(text, name) or []:
        digits = cell[1:] if cell.startswith("-") else cell
        if digits.isdigit():
            found += int(cell)
    return found
