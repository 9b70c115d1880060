"""Gauss without fractions."""


def determinant(a):
    """By Bareiss: each division has no remainder."""
    rows = [list(row) for row in a]
    size, sign, last = len(rows), 1, 1
    for step in range(size - 1):
        if rows[step][step] == 0:
            for other in range(step + 1, size):
                if rows[other][step] != 0:
                    rows[step], rows[other] = rows[other], rows[step]
                    sign = -sign
                    break
            else:
                return 0
        for i in range(step + 1, size):
            for j in range(step + 1, size):
                rows[i][j] = (rows[i][j] * rows[step][step] - rows[i][step] * rows[step][j]) // last
        last = rows[step][step]
    return sign * rows[-1][-1]


def rank(a, prime):
    """How many rows do not depend on those before them."""
    rows = [[number % prime for number in row] for row in a]
    found = 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(found, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        inverse = pow(rows[found][column], prime - 2, prime)
        for k in range(found + 1, len(rows)):
            factor = rows[k][column] * inverse % prime
            rows[k] = [(x - factor * y) % prime for x, y in zip(rows[k], rows[found])]
        found += 1
    return found
