"""Answers with lists inside of each other, deeper than any recursion can go."""

from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(_world: Any, question: int) -> Any:
    """Lists, dicts, and a list that holds itself."""
    value: Any = []
    for _ in range(100_000 if question else 100):
        value = [value] if question % 2 else {"a": value}
    if question == 3:
        value = []
        value.append(value)
    return value
