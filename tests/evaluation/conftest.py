"""Evaluators in the process sandbox, the one that works everywhere; what isolates is the concern of its own tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes import harness
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.processes import living, settles
from evolve.types import Evaluation, Program, Split

Make: TypeAlias = Callable[..., NativeEvaluator]
Score: TypeAlias = Callable[..., Evaluation]

CALL = "def evaluate(program):\n    return program.call('f')\n"
CHILDREN = """
import os, signal, subprocess, sys, time
def f():
    for number in (1, 2, 15):
        signal.signal(number, signal.SIG_IGN)
    pids = [subprocess.Popen(["sleep", "600"]).pid]
    pids.append(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
    reader, writer = os.pipe()
    if os.fork() == 0:  # a daemon: its parent is gone, its session and its group are its own
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            os.closerange(0, 100)
            time.sleep(600)
        os._exit(0)
    pids.append(int(os.read(reader, 20)))
    return pids
def g():
    f()
    time.sleep(600)
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """`make(text, **options)`: an evaluator from the text of evaluate.py, by default one that returns what `f` does.
    Afterwards no process and no folder of it is left."""
    made: list[NativeEvaluator] = []
    before = {path.name for path in harness.home().iterdir()}
    sandbox = ProcessSandbox()

    def evaluator(text: str = CALL, **options: Any) -> NativeEvaluator:
        folder = tmp_path / f"task{len(made)}"
        folder.mkdir()
        (folder / "evaluate.py").write_text(text)
        made.append(
            NativeEvaluator(sandbox=sandbox, folder=folder, **{"timeout": 300.0, "call_timeout": 120.0, **options})
        )
        return made[-1]

    yield evaluator
    for each in made:
        each.close()
    sandbox.close()
    assert {path.name for path in harness.home().iterdir()} <= {"harness", "lock"} | before
    assert settles(lambda: not living(str(harness.home())), 60)


@pytest.fixture
def score(make: Make) -> Score:
    """`score(program, text, split=, **options)`: what an evaluator says of a program of one file."""

    def once(program: str, text: str = CALL, *, split: Split = "search", **options: Any) -> Evaluation:
        return make(text, **options).evaluate(Program({"program.py": program.encode()}), split=split)

    return once


@pytest.fixture
def family() -> str:
    """A program whose `f` returns the pids of a child, of one with its own session, and of a daemon."""
    return CHILDREN
