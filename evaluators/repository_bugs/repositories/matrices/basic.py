"""Products."""


def transposed(a):
    return [[row[column] for row in a] for column in range(len(a[0]))]


def product(a, b):
    columns = transposed(b)
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def identity(size):
    return [[1 if row == column else 0 for column in range(size)] for row in range(size)]


def power(a, exponent):
    """By squaring."""
    result = identity(len(a))
    while exponent > 0:
        if exponent % 2 == 1:
            result = product(result, a)
        a = product(a, a)
        exponent //= 2
    return result
