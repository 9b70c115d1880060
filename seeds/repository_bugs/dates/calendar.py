"""Days to dates and back."""

from .months import days_in, leap


def before(year):
    """The days of all years before one."""
    past = year - 1
    return 365 * past + past // 4 - past // 100 + past // 400


def number(when):
    year, month, day = when
    return before(year) + sum(days_in(year, other) for other in range(1, month)) + day


def date(count):
    year = count // 366 + 1
    while before(year + 1) < count:
        year += 1
    rest = count - before(year)
    month = 1
    while rest > days_in(year, month):
        rest -= days_in(year, month)
        month += 1
    return [year, month, rest]
