"""Amounts as text."""


def cents(text):
    negative = text.startswith("-")
    if negative:
        text = text[1:]
    whole, point, part = text.partition(".")
    groups = whole.split(",")
    if len(groups) > 1 and (len(groups[0]) > 3 or any(len(group) != 3 for group in groups[1:])):
        return None
    digits = "".join(groups)
    if not digits.isdigit() or len(part) > 2 or (point and not part.isdigit()):
        return None
    amount = 100 * int(digits) + int((part + "00")[:2])
    return -amount if negative else amount


def shown(amount):
    whole, part = divmod(abs(amount), 100)
    text = str(whole)
    groups = []
    while len(text) > 3:
        groups.insert(0, text[-3:])
        text = text[:-3]
    sign = "-" if amount < 0 else ""
    return sign + ",".join([text] + groups) + "." + str(part).zfill(2)
