"""English words."""

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def below_hundred(number):
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens] if ones == 0 else TENS[tens] + "-" + SMALL[ones]


def below_thousand(number):
    hundreds, rest = divmod(number, 100)
    if hundreds == 0:
        return below_hundred(rest)
    text = SMALL[hundreds] + " hundred"
    return text if rest == 0 else text + " and " + below_hundred(rest)


def words(number):
    thousands, rest = divmod(number, 1000)
    if thousands == 0:
        return below_thousand(rest)
    text = below_thousand(thousands) + " thousand"
    if rest == 0:
        return text
    return text + (" and " if rest < 100 else " ") + below_thousand(rest)
