"""Matrices of whole numbers, as lists of rows.

`product(a, b)`, `power(a, exponent)` for exponents from 0 on, `determinant(a)`, `transposed(a)`, and `rank(a, prime)` of a
matrix of remainders by a prime.
"""

from .basic import power, product, transposed
from .elimination import determinant, rank
