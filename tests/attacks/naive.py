"""An evaluator as others have them: it imports the program into its own process, and calls it there."""

import importlib
import json
import time
from typing import Any

HARMLESS = True


class InProcess:
    """What evaluate.py is given, without anything in between."""

    Error = ZeroDivisionError  # of no program's

    def __init__(self, world: Any) -> None:
        self._world, self._program = world, importlib.import_module("inside")
        self.seconds = 0.0

    def read(self, _path: str) -> str:
        """What the attack is to do, and how it is graded."""
        with open("inside.txt") as file:
            return json.dumps({**self._world.order, "style": file.read()})

    def call(self, function: str, *arguments: Any, timeout: float = 0.0) -> Any:
        """What the function returns: the very object."""
        start = time.monotonic()
        result = getattr(self._program, function)(self._world, *arguments)
        self.seconds = time.monotonic() - start
        return result


def attack(world: Any) -> list[str]:
    """Score it, and print what came of it; what a program has done to this process is no concern of ours by then."""
    answer = importlib.import_module("evaluate").evaluate(InProcess(world))
    world.claim(f"score {answer['score']!r}")
    for secret in answer["said"]:
        world.claim(secret)
    raise RuntimeError("so that what was printed comes back")
