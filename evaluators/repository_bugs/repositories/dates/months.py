"""Months and leap years."""

DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def leap(year):
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year, month):
    if month == 2 and leap(year):
        return 29
    return DAYS[month - 1]


def shifted(year, month, months):
    """The year and the month so many months later."""
    total = 12 * year + month - 1 + months
    return total // 12, total % 12 + 1
