"""Roman numerals."""

SIGNS = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
]


def roman(number):
    text = ""
    for value, sign in SIGNS:
        while number >= value:
            text += sign
            number -= value
    return text


def from_roman(text):
    """By reading and writing it again."""
    values = {sign: value for value, sign in SIGNS if len(sign) == 1}
    total = 0
    for place, sign in enumerate(text):
        if sign not in values:
            return None
        value = values[sign]
        following = values.get(text[place + 1], 0) if place + 1 < len(text) else 0
        total += -value if value < following else value
    if total < 1 or total > 3999 or roman(total) != text:
        return None
    return total
