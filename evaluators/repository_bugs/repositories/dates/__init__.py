"""Dates of the Gregorian calendar as [year, month, day], from the year 1 on.

`number(date)` counts days, 1 for [1, 1, 1]; `date(number)` is its inverse; `weekday(date)` is 0 on Mondays;
`later(date, months)` is the same day some months later or, below 0, earlier, or the last day of a shorter month.
"""

from .calendar import date, number
from .months import days_in, shifted


def weekday(when):
    return (number(when) + 6) % 7


def later(when, months):
    year, month = shifted(when[0], when[1], months)
    return [year, month, min(when[2], days_in(year, month))]
