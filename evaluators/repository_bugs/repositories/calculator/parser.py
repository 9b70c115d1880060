"""A parser by recursive descent that computes as it goes. Each function returns (value, next place)."""


def parse(tokens, place):
    """A sum of products; None for the value where there is none."""
    left, place = product(tokens, place)
    while left is not None and place < len(tokens) and tokens[place] in ("+", "-"):
        sign = tokens[place]
        right, place = product(tokens, place + 1)
        if right is None:
            return None, place
        left = left + right if sign == "+" else left - right
    return left, place


def product(tokens, place):
    """A product of factors, from the left."""
    left, place = factor(tokens, place)
    while left is not None and place < len(tokens) and tokens[place] in ("*", "/"):
        sign = tokens[place]
        right, place = factor(tokens, place + 1)
        if right is None or (sign == "/" and right == 0):
            return None, place
        left = left * right if sign == "*" else left // right
    return left, place


def factor(tokens, place):
    """A number, a factor with a sign, or a sum in parentheses."""
    if place >= len(tokens):
        return None, place
    piece = tokens[place]
    if isinstance(piece, int):
        return piece, place + 1
    if piece == "-":
        inner, place = factor(tokens, place + 1)
        return (None if inner is None else -inner), place
    if piece == "(":
        inner, place = parse(tokens, place + 1)
        if place < len(tokens) and tokens[place] == ")":
            return inner, place + 1
    return None, place
