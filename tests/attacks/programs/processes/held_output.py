"""Ends as an executable while a child of its keeps its output open, for an evaluator that reads until the end."""

import os
from typing import Any

HARMLESS = True
STATUS = "ok"
STYLE = "run"


def attack(_world: Any) -> list[str]:
    """The evaluator runs `main` instead."""
    return []


def main(world: Any) -> None:
    """What the executable does."""
    if os.fork() == 0:
        os.setsid()
        world.stay()
    print("done")
