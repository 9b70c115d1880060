"""In a candidate's process: makes it the place that a user's evaluator expects to run in."""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.dirname(HERE)
FOLDER = os.path.join(WORK, "evaluator")
_SHIMS = os.path.join(HERE, "shims")


def enter():
    """Go where the task's files are: modules are found there, then those that stand in for the task's own tool."""
    if FOLDER in sys.path:
        return
    os.chdir(FOLDER)
    sys.path.insert(0, FOLDER)
    sys.path.append(_SHIMS)  # last, so that the tool itself is found where a sandbox has it
    os.environ["PYTHONPATH"] = _SHIMS


def seed(number):
    """Let everybody's random numbers begin alike: numpy's would be those of the process that this one was forked from,
    and of all its siblings."""
    random.seed(number)
    try:
        import numpy as np  # noqa: PLC0415 - not every sandbox has it
    except ImportError:
        return
    np.random.seed(number % 2**32)  # noqa: NPY002 - programs use the old generator


def program(name, wanted):
    """Where the program is: a path whose last part is `wanted`, which may be another name than its own."""
    path = os.path.join(WORK, name)
    if wanted == name:
        return path
    moved = os.path.join(WORK, wanted)
    with open(path, "rb") as old, open(moved, "wb") as new:
        new.write(old.read())
    return moved
