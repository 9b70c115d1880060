"""Programs that nobody searches for, to see what an evaluator does with them."""

from __future__ import annotations

from evolve.regions import Regions
from evolve.syntax import is_python
from evolve.types import Evaluation, Program

__all__ = ["SIGNAL", "broken", "canary", "sang"]

SIGNAL = "SIGUSR2"
"""What the canary sends to an evaluator that imports it, or has started what does."""

_SONG = f"""

def _canary():
    import os, signal
    process = os.getpid()
    while process:
        try:
            with open(f"/proc/{{process}}/cmdline", "rb") as file:
                words = file.read().split(b"\\0")
            with open(f"/proc/{{process}}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return
        if any(word.endswith(b"/main.py") for word in words):
            if b"evaluator" in words:
                os.kill(process, signal.{SIGNAL})
            return
        process = parent


_canary()
"""


def canary(seed: Program) -> Program:
    """The seed, of which every Python file ends the evaluator's process when it is imported there, or below it."""
    return seed.replace({path: text + _SONG.encode() for path, text in seed.files.items() if is_python(path)})


def sang(evaluation: Evaluation) -> bool:
    """Whether the canary was imported where it should not be."""
    return f"the evaluator's process was killed by {SIGNAL}" in evaluation.feedback


def broken(seed: Program, regions: Regions) -> Program:
    """The seed with nonsense in all places that may change."""
    changes: dict[str, bytes | None] = {}
    for path in regions.paths(seed):
        text = seed.text(path) if regions.spans(seed, path) else ""
        for start, end in reversed(regions.spans(seed, path)):
            text = f"{text[:start]})]}}> nonsense{text[end:] or chr(10)}"
        if text:
            changes[path] = text.encode()
    return seed.replace(changes)
