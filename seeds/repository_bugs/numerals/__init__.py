"""Numbers in other notations.

`roman(number)` from 1 to 3999 and `from_roman(text)`, None for what is no such numeral; `words(number)` in English, from
0 to 999999, such as "one hundred and five" and "twenty-one thousand and one"; `ordinal(number)` such as "22nd".
"""

from .latin import from_roman, roman
from .english import words


def ordinal(number):
    if number % 100 in (11, 12, 13):
        return str(number) + "th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
