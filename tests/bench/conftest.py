"""Runs as raw data, made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pandas as pd
import pytest

MakeRun: TypeAlias = Callable[..., pd.DataFrame]


@pytest.fixture
def make_run() -> MakeRun:
    """`make_run("greedy", 3, [0.5, None, 0.7])`: a run with one call for each score after the first."""

    def make(policy: str, seed: int, scores: Sequence[float | None], **over: Any) -> pd.DataFrame:
        sign = -1.0 if over.get("direction") == "minimize" else 1.0
        best, so_far = [], -math.inf
        for score in scores:
            so_far = so_far if score is None else max(so_far, sign * score)
            best.append(sign * so_far if so_far > -math.inf else math.nan)
        steps = range(len(scores))
        run = {
            "policy": policy,
            "task": "sine",
            "seed": seed,
            "searcher": "evolve 0",
            "model": "simulated 1",
            "direction": "maximize",
            "budget": len(scores) - 1,
            "outcome": "finished",
            "message": "",
            "calls": steps,
            "tokens": [100 * step for step in steps],
            "evaluations": [1 + step for step in steps],
            "cpu_seconds": [0.5 + 0.1 * step for step in steps],
            "seconds": [0.6 + 0.1 * step for step in steps],
            "score": [math.nan if score is None else score for score in scores],
            "best": best,
        }
        return pd.DataFrame(run | over)

    return make
