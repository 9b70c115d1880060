"""What can come of an answer of a model."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["DOTS", "Outcome", "Refused"]


class Outcome(StrEnum):
    """What came of an answer."""

    APPLIED = "applied"
    EMPTY = "empty"
    """There is no text in it."""
    TOO_LONG = "too long"
    """More characters or blocks than are read."""
    CUT = "cut"
    """It ends in the middle."""
    NO_CODE = "no code"
    """Nothing but prose."""
    MALFORMED = "malformed"
    """A block is damaged, or does not say where it goes."""
    ELIDED = "elided"
    """Lines are left out, with dots in their place."""
    NOT_FOUND = "not found"
    """What is to be replaced is not there."""
    AMBIGUOUS = "ambiguous"
    """It is there more than once."""
    OUTSIDE = "outside"
    """It changes what may not change."""
    BAD_FILE = "bad file"
    """The file is none of the program's and may not be added."""
    TOO_LARGE = "too large"
    """The program would become larger than is allowed."""
    SYNTAX = "syntax"
    """A file of Python that parsed before would not any more."""
    NO_CHANGE = "no change"
    """The program stays as it is."""


class Refused(Exception):
    """An outcome from deep inside; it never leaves these modules."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message


DOTS = "dots stand for lines that were left out: write out every line"
