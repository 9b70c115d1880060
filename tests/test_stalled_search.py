"""A search in which nothing helps says so, and ends early where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evolve.archives.tuned import Tuned
from evolve.policies import make_archive, with_baseline
from evolve.testing.fakes import FunctionEvaluator
from evolve.testing.searches import open_evolution
from evolve.types import Archive

STALL = "stall,patience=4"
LANES = "lanes,patience=4,budget=40,unit=trials"


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize(
    "archive",
    [
        lambda: make_archive(STALL),
        lambda: make_archive(LANES),
        lambda: Tuned(make_archive(LANES)),
        lambda: with_baseline(Tuned(make_archive(STALL)), "best-of-n=0.2"),
    ],
    ids=["stall", "lanes", "tuned lanes", "tuned beside a baseline"],
)
def test_what_stalls_says_so_and_ends_where_it_may(tmp_path: Path, archive: Callable[[], Archive], stop: bool) -> None:
    """With the archives that there are: each program is as good as the next one, so nothing is ever gained."""
    said: list[str] = []
    with open_evolution(
        tmp_path / "run",
        trials=120,
        archive=archive(),
        evaluator=FunctionEvaluator(lambda _: 1.0),
        stop_when_stalled=stop,
        on_stall=said.append,
    ) as evolution:
        outcome = evolution.run()
    assert said
    assert "leapt, went back and combined" in said[0]
    assert outcome.reason == (f"the search stalls: {said[0]}" if stop else "trials")
    assert (outcome.told < 121) == stop
