"""What the tests of evaluation share besides fixtures: names of types, and a look at what is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from evolve.evaluation.native import NativeEvaluator
from evolve.types import Evaluation

Make: TypeAlias = Callable[..., NativeEvaluator]
"""`make(text, **options)`: an evaluator from the text of evaluate.py, by default `CALL`."""
Score: TypeAlias = Callable[..., Evaluation]
"""`score(program, text, split=, **options)`: the evaluation of a program of one file."""

CALL = "def evaluate(program):\n    return program.call('f')\n"


def living(mark: str) -> list[int]:
    """The processes whose command line or environment has `mark` in it, this one aside."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and int(path.name) != os.getpid():
                said = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
                if mark.encode() in said:
                    found.append(int(path.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def settles(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition holds within this time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


CHILDREN = """
import os, signal, subprocess, sys, time
def f():
    for number in (1, 2, 15):
        signal.signal(number, signal.SIG_IGN)
    pids = [subprocess.Popen(["sleep", "60"]).pid]
    pids.append(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)
    reader, writer = os.pipe()
    if os.fork() == 0:  # a daemon: its parent is gone, its session and its group are its own
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            os.closerange(0, 100)
            time.sleep(60)
        os._exit(0)
    pids.append(int(os.read(reader, 20)))
    return pids
def g():
    f()
    time.sleep(60)
"""
