"""Candidates are forks of one process that has never seen a candidate; nobody can tell, but by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.testing.processes import gone, settles
from evolve.types import Program

Make: TypeAlias = Callable[..., NativeEvaluator]

SEEN = "def evaluate(program):\n    return {'score': 0, 'seen': program.call('f')}\n"


def _seen(evaluator: NativeEvaluator, source: str, **files: str) -> Any:
    """What the program's `f` returns."""
    contents = {f"{name}.py": text.encode() for name, text in files.items()}
    evaluation = evaluator.evaluate(Program({"program.py": source.encode(), **contents}))
    assert "seen" in evaluation.metrics, evaluation
    return evaluation.metrics["seen"]


def test_a_program_may_have_files_named_like_the_library_s(make: Make) -> None:
    """Whether the zygote has imported the other one or not; only what Python itself starts with is taken."""
    names = ("json", "random", "statistics", "queue", "numpy", "asyncio", "socket")
    source = f"import {', '.join(names)}\ndef f(): return [module.mine for module in ({', '.join(names)})]\n"
    files = {name: f"mine = {name!r}\n" for name in names}
    evaluator = make(SEEN, rules=Rules(module="program"))
    _seen(evaluator, "import numpy\ndef f(): return 1\n")
    assert _seen(evaluator, source, **files) == list(names)
    assert _seen(evaluator, "import random\ndef f(): return random.randrange(1)\n") == 0


def test_what_a_program_imports_is_imported_once_for_the_next(make: Make) -> None:
    """When it takes long and is known to be harmless; and it is never imported where nobody asked for it."""
    evaluator = make(SEEN)
    look = "import sys\ndef f(): return 'numpy' in sys.modules\n"
    assert _seen(evaluator, look) is False
    _seen(evaluator, "import numpy\ndef f(): return 1\n")
    assert _seen(evaluator, look) is True
    start = time.perf_counter()
    _seen(evaluator, "import numpy\ndef f(): return 1\n")
    assert time.perf_counter() - start < 60


def test_a_program_leaves_nothing_in_the_next(make: Make) -> None:
    """Not in builtins, not in modules that were there before, not on the heap."""
    evaluator = make(SEEN)
    poison = """
import builtins, gc, json, random, sys, time
def f():
    builtins.poison = json.poison = json.dumps.__globals__["poison"] = "poisoned mark"
    json.dumps = json.loads = time.time = random.random = print
    sys.modules["heapq"] = json
    sys.path.insert(0, "/poison")
    return 1
"""
    clean = """
import builtins, gc, heapq, json, random, sys, time
def f():
    marks = [found for found in gc.get_objects() if isinstance(found, dict) and "poison" in found]
    return [
        hasattr(builtins, "poison"), hasattr(json, "poison"), json.loads("1"), time.time() > 0, random.random() < 1,
        heapq is json, "/poison" in sys.path, len(marks),
    ]
"""
    _seen(evaluator, poison)
    assert _seen(evaluator, clean) == [False, False, 1, True, True, False, False, 0]


def test_random_numbers_differ_from_program_to_program(make: Make) -> None:
    """A fork does not go on where another one did."""
    evaluator = make(SEEN)
    source = "import random\ndef f(): return [random.random(), random.getrandbits(60)]\n"
    first, second = (_seen(evaluator, source) for _ in range(2))
    assert first != second


ZYGOTES = """
import os
def zygotes():
    found = []
    with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as file:
        for pid in file.read().split():
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if b"zygote.py" in line.read() and int(pid) != os.getpid():
                    found.append(int(pid))
    return found
"""


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_zygote_that_is_killed_is_replaced(make: Make, signal: str) -> None:
    """Only the process sandbox lets a program do that, and it costs the next one nothing but time."""
    evaluator = make(SEEN)
    kill = """
import signal
def f():
    found = zygotes()
    for pid in found: os.kill(pid, signal.{0})
    return found
"""
    (killed,) = _seen(evaluator, ZYGOTES + kill.format(signal))
    assert settles(lambda: gone(killed), 60)
    (fresh,) = _seen(evaluator, ZYGOTES + "def f(): return zygotes()\n")
    assert fresh != killed
