"""Replaces functions that an evaluator uses to score: of builtins, math, json, random, time and numpy."""

import builtins
import json
import math
import random
import statistics
import time
from typing import Any

HARMLESS = True
STYLE = "distance"
IN_PROCESS = True


def attack(_world: Any) -> list[str]:
    """All of them say what is best for it."""
    import numpy as np  # noqa: PLC0415 - only this attack pays for it

    best: Any = lambda *_, **__: -1e9  # noqa: E731 - it has many names already
    for module, names in {
        math: ("fsum", "sqrt", "fabs"),
        statistics: ("mean", "fmean"),
        time: ("time", "monotonic", "perf_counter"),
        random: ("random", "seed"),
        np: ("mean", "sum", "abs", "asarray"),
        json: ("loads",),
        builtins: ("abs", "sum"),
    }.items():
        for name in names:
            setattr(module, name, best)
    return []


def solve(_world: Any, _question: int) -> float:
    """Anything."""
    return 0.5
