"""A search in which nothing helps says so, and ends early where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evolve import forms
from evolve.archives.tuned import Tuned
from evolve.config import prepare
from evolve.errors import TaskError
from evolve.options import Options
from evolve.policies import ARCHIVES, make_archive, with_baseline
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


def _prepared(archive: str) -> None:
    given = Options(sandbox="process", allow_unsafe=True, archive=archive, stop_when_stalled=True)
    parts, _ = prepare(forms.load("bin_packing"), limits={"trials": 10}, options=given)
    assert parts.sandbox is not None
    parts.sandbox.close()


@pytest.mark.parametrize("name", sorted(ARCHIVES.keys() - {"lanes", "stall"}))
def test_stopping_is_refused_with_what_never_stalls(name: str) -> None:
    """Whoever asks for it would wait for ever; what is to be written instead is said, and works."""
    with pytest.raises(TaskError, match=f"the archive '{name}' .* lanes and stall do; .*--archive stall,inner={name}"):
        _prepared(name)
    _prepared(f"stall,inner={name}")


def test_stopping_is_for_what_stalls() -> None:
    """Also when the archive is a plugin that can tell; by default, without models, it is one that cannot."""
    for archive in ("lanes", "stall,patience=4", "evolve.archives.stall:Stall"):
        _prepared(archive)
    with pytest.raises(TaskError, match="'top'"):
        _prepared("auto")
