"""A model that does well only when it is asked in the right way, and is told by nobody but itself which way that is.

Asked to improve a scaffold, it adds a line to the scaffold's notes, which stands in all prompts from then on. In the
proposal of one number that is a lesson that it heeds: a prompt with this lesson mostly gets a known method, and any
other one another number in the program that it shows. The lines of all other proposals are idle, though they change the
prompts, and so what is guessed. So which edit of a scaffold is truly better is known, and all else goes the way that it
goes with any model.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evolve.simulated_answer import written
from evolve.simulated_prompt import Shown, read
from evolve.testing.servers import Asked, Served, chat

__all__ = ["LESSON", "Teachable", "methods", "repairs"]

LESSON = "Say first which method is known to be the best one for such a problem, then write that one, whole."
"""The line that is worth something."""

_IDLE = ("Keep the names of variables.", "Write short functions.", "Change what is simplest.", "Explain each step.")
_NOTES = "notes.md"
_DEFINED = ast.FunctionDef | ast.ClassDef
_CONSTANT = re.compile(r"\b\d+\.\d+\b")
_NUMBER = re.compile(r"^This is proposal (\d+) of the search\.", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Teachable:
    """Answers chat completions, as a script of `FakeService`. It remembers nothing: equal requests have equal answers.

    Args:
        known: a method for what may change, by what it defines first (`methods`, `repairs`).
        planted: the number of the proposal whose edit of a scaffold is the lesson.
        share: of the prompts with the lesson that get a method.
        blunders: the share of all other answers that cannot be applied.
        seed: of its random choices.
    """

    known: Mapping[str, str]
    planted: int = 3
    share: float = 0.9
    blunders: float = 0.1
    seed: int = 0

    def __call__(self, asked: Asked) -> Served:
        """One answer."""
        messages = tuple((str(each["role"]), str(each["content"])) for each in asked.document["messages"])
        # what is asked for stands in the first message of a user's; whoever sends an answer back adds to it
        shown, prompt = read(messages[:2]), messages[min(1, len(messages) - 1)][1]
        dice = random.Random(f"{self.seed} {messages}")  # noqa: S311 - nothing secret about it
        if shown is None:
            text = "There is no program in what I was shown."
        elif _NOTES in shown.program.files:
            text = self._edit(shown, prompt)
        elif f"- {LESSON}" in prompt.splitlines() and dice.random() < self.share:
            text = self._method(shown)
        elif dice.random() < self.blunders:
            text = "I would look at the constants first.\n"
        else:
            text = _guess(shown, dice)
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
        return chat(text, usage={**usage, "total_tokens": sum(usage.values())})

    def _edit(self, shown: Shown, prompt: str) -> str:
        """Another line of the notes."""
        found = _NUMBER.search(prompt)
        number = int(found[1]) if found else 0
        lesson = LESSON if number == self.planted else f"{_IDLE[number % len(_IDLE)]} ({self.seed}.{number})"
        text = f"{shown.program.text(_NOTES).rstrip()}\n- {lesson}\n"
        return written(shown, shown.program.replace({_NOTES: text.encode()}), lesson)

    def _method(self, shown: Shown) -> str:
        """What is known, in the place of what may change."""

        def better(path: str, part: str) -> str:
            name = _defined(part)
            return self.known.get(f"{path} {name}", self.known.get(name, part)).strip("\n")

        return _changed(shown, better, "a method that is known")


def _guess(shown: Shown, dice: random.Random) -> str:
    """Another number in each part that may change, or one more name where there is none."""

    def other(_: str, part: str) -> str:
        numbers = list(_CONSTANT.finditer(part))
        if not numbers:
            return f"{part.rstrip()}\n\n\nGUESS = {dice.randrange(1000)}"
        found = dice.choice(numbers)
        return f"{part[: found.start()]}{float(found[0]) * dice.uniform(0.3, 3.0):.3f}{part[found.end() :]}"

    return _changed(shown, other, "another number")


def _changed(shown: Shown, change: Callable[[str, str], str], said: str) -> str:
    """The answer that has each part that may change become what `change` makes of its path and its text."""
    changes: dict[str, bytes] = {}
    for path in shown.program.files:
        text = shown.program.text(path)
        for start, end in reversed(shown.regions.spans(shown.program, path)):
            text = text[:start] + change(path, text[start:end]) + text[end:]
        changes[path] = text.encode()
    return written(shown, shown.program.replace(changes), said)


def methods(folder: Path) -> dict[str, str]:
    """What is known for tasks of one file: the modules of a folder, by their first function and its arguments."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))]
    return {_defined(text): text for text in texts}


def repairs(folder: Path) -> dict[str, str]:
    """What is known for repositories with a bug: the functions and classes of the whole ones, by path and name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, _DEFINED):
                part = ast.get_source_segment(text, node) or ""
                found[f"{path.relative_to(folder).as_posix()} {_defined(part)}"] = part
    return found


def _defined(text: str) -> str:
    """The first function with its arguments, or the first class; "" when there is neither."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    node = next((node for node in tree.body if isinstance(node, _DEFINED)), None)
    if isinstance(node, ast.FunctionDef):
        return f"{node.name}({', '.join(each.arg for each in node.args.args)})"
    return node.name if node is not None else ""
