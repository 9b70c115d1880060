"""Numbers and what they count, as a sentence has them."""

from __future__ import annotations

__all__ = ["amount", "quantity"]


def quantity(number: int | str, unit: str) -> str:
    """ "1 round", "3 rounds"; a text is a number as it is to be shown."""
    return f"{number} {unit if str(number) == '1' else unit + 's'}"


def amount(number: float, resource: str) -> str:
    """So much of what a budget counts: "1 call", "2.5 seconds"; nano-dollars are told in dollars."""
    if resource == "nanodollars":
        number, resource = number / 1e9, "dollars"
    shown = f"{number:.9f}".rstrip("0").rstrip(".")
    return quantity(shown, resource.removesuffix("s"))
