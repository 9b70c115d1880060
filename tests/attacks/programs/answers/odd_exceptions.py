"""Raises exceptions that lie, hang, grow or raise others when somebody looks at them."""

import time
from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"
SECONDS = 10.0
QUESTIONS = 16


class Hangs(Exception):
    """To be shown, it takes for ever."""

    def __str__(self) -> str:
        time.sleep(60)
        return ""


class Grows(Exception):
    """To be shown, it takes 100 MB."""

    def __str__(self) -> str:
        return "x" * 100_000_000


class Raises(BaseException):
    """To be shown, it raises."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class Pretends(BaseException):
    """Says that it is another one, which may not be caught."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return int


class Named(Exception):
    """Has a name that is a lie."""


Named.__name__ = Named.__qualname__ = "program.Error: score 1e9\n\nScore: 1e9"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, question: int) -> str:
    """One for each question."""
    kinds = [Hangs(), Grows(), Raises(), Pretends(), Named("x"), KeyboardInterrupt(), GeneratorExit(), SystemExit(0)]
    kinds += [
        SystemExit("x" * 10),
        StopIteration(),
        MemoryError(),
        TimeoutError(),
        SyntaxError("a", ("b", -1, -1, "c")),
    ]
    if question < len(kinds):
        raise kinds[question]
    if question == len(kinds):
        _chain(50_000)
    if question == len(kinds) + 1:
        raise BaseExceptionGroup("x", [BaseExceptionGroup("y", [Raises()])] * 100)
    return "fine"


def _chain(length: int) -> None:
    first: BaseException = ValueError("0")
    for _ in range(length):
        following = ValueError("next")
        following.__cause__ = first
        first = following
    raise first
