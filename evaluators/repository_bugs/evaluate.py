"""Small repositories with a bug in each; the score says how many hidden tests pass when the bugs are mended.

A program is a folder with some of fifteen repositories, each a package of two to four files: those that the seed of the
task has, which lies beside this file. `bugs.py` makes others. A hidden test is a call and its right answer
(`hidden.py`). Calls are made in the sandbox and answers compared here, so a program can pass a test only by being
right.

A repository scores 1 when all of its tests pass, else half the share of those that do; the score is the mean. A program
that runs out of time or memory has no score: that is its status.
"""

from __future__ import annotations

import math
import reprlib
from typing import Any, NamedTuple

from cases import DRAWN
from hidden import HERE, Test, alike, tests

SECONDS = {"search": 2.0, "held_out": 8.0}
GONE_WRONG = ("failed", "data")
"""The kinds of errors that are a wrong answer and no more."""

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 160
_repr.maxlist = _repr.maxdict = 20
_repr.maxlevel = 4


class Outcome(NamedTuple):
    """How many tests passed, and a text about the first one that did not; "" when all did."""

    passed: int
    wrong: str


def evaluate(program: Any, seed: int = 0, split: str = "search") -> dict[str, Any]:
    """The mean over the repositories, from 0 to 1. Raises `program.Error` when time, memory or a limit ran out."""
    outcomes = {name: attempt(program, name, tests(name, split, seed), SECONDS[split]) for name in present()}
    scores = {name: score(name, outcome, split, seed) for name, outcome in outcomes.items()}
    return {
        "score": math.fsum(scores.values()) / len(scores),
        "metrics": {"mended": sum(value == 1.0 for value in scores.values())},
        "instances": {name: round(value, 6) for name, value in scores.items()},
        "feedback": describe(outcomes) if split == "search" else "",
    }


def present() -> list[str]:
    """The repositories of the task's seed, or all of them where it cannot be seen."""
    folder = HERE / "seed"
    return [name for name in DRAWN if not folder.is_dir() or (folder / name).is_dir()]


def score(name: str, outcome: Outcome, split: str, seed: int) -> float:
    """Of one repository."""
    number = len(tests(name, split, seed))
    return 1.0 if outcome.passed == number else 0.5 * outcome.passed / number


def attempt(program: Any, name: str, asked: list[Test], seconds: float) -> Outcome:
    """Make the calls, all in one message for each function, and one by one where one of them fails."""
    right, wrong = 0, ""
    for function in dict.fromkeys(test.function for test in asked):
        some = [test for test in asked if test.function == function]
        for test, (answered, answer) in zip(some, ask(program, f"{name}:{function}", some, seconds), strict=True):
            if answered and alike(answer, test.expected):
                right += 1
            elif not wrong:
                call = f"{name}.{function}({', '.join(map(_repr.repr, test.arguments))})"
                told = f"returned {_repr.repr(answer)}" if answered else f"raised {answer}"
                wrong = f"{call} {told}, and {_repr.repr(test.expected)} is right"
    return Outcome(right, wrong)


def ask(program: Any, function: str, some: list[Test], seconds: float) -> list[tuple[bool, Any]]:
    """For each test whether it was answered, and the answer or the last line of the error."""
    try:
        return [(True, answer) for answer in program.map(function, [test.arguments for test in some], timeout=seconds)]
    except program.Error as error:
        if error.kind not in GONE_WRONG:
            raise
    return [ask_one(program, function, test, seconds) for test in some]


def ask_one(program: Any, function: str, test: Test, seconds: float) -> tuple[bool, Any]:
    """The same for one test."""
    try:
        return True, program.call(function, *test.arguments, timeout=seconds)
    except program.Error as error:
        if error.kind not in GONE_WRONG:
            raise
        return False, (str(error).strip().splitlines() or ["an error"])[-1][:200]


def describe(outcomes: dict[str, Outcome]) -> str:
    """What a proposer may want to know: a call of each repository that goes wrong."""
    wrong = [outcome.wrong for outcome in outcomes.values() if outcome.wrong]
    whole = f"{len(outcomes) - len(wrong)} of {len(outcomes)} repositories pass all their tests."
    return "\n".join([whole, *wrong])
