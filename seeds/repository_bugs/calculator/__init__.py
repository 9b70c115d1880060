"""Sums as text: numbers, + - * / with the usual precedence, parentheses, signs. `/` rounds down.

`value(text)` is the number, or None where the text is no sum or divides by zero.
"""

from .parser import parse
from .tokens import tokens


def value(text):
    found = tokens(text)
    if found is None:
        return None
    result, rest = parse(found, 0)
    if rest != len(found):
        return None
    return result
