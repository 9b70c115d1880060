"""Prints 16 MB on each stream as an executable, for an evaluator that takes its output."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"
STYLE = "run"


def attack(_world: Any) -> list[str]:
    """The evaluator runs `main` instead."""
    return []


def main(_world: Any) -> None:
    """What the executable does."""
    for _ in range(16):
        os.write(1, b"x" * 2**20)
        os.write(2, b"x" * 2**20)
