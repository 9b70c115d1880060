"""Literals are tuned beside the search for structures, in the loop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from evolve import journal
from evolve.testing.moody import moody_settings
from evolve.testing.searches import open_evolution
from evolve.types import Evaluation, Program


def test_tuning_is_budgeted_apart(tmp_path: Path) -> None:
    """Its trials are evaluations and no trials; it goes on to its own end when no proposal can come any more."""
    given = moody_settings(tuned=True)
    with open_evolution(tmp_path / "run", trials=30, **given) as evolution:
        outcome = evolution.run()
        spent = evolution.budget.spent
    tuned = _asked(tmp_path / "run", "tuner")
    assert outcome.reason == "trials"
    assert spent["trials"] == 30
    assert outcome.told == 31 + len(tuned)
    assert len(tuned) > 10
    assert spent["evaluations"] > 30
    assert given["tuning"].next(final=True) is None


def test_evaluations_bound_it(tmp_path: Path) -> None:
    """To the last one, with several workers too."""
    given = moody_settings(tuned=True)
    with open_evolution(tmp_path / "run", limits={"evaluations": 40}, trials=500, workers=3, **given) as evolution:
        outcome = evolution.run()
        assert evolution.budget.spent["evaluations"] <= 40
    assert outcome.reason == "evaluations"


def test_proposals_come_first(tmp_path: Path) -> None:
    """The tuner is asked only where no more programs than there are evaluators are under way, proposals' and its own:
    so it yields to them, and a proposal never waits long."""
    given: dict[str, Any] = moody_settings(tuned=True)
    inner, most = given["evaluator"].function, [0]
    running, turn = [0], threading.Lock()

    def evaluate(program: Program) -> float | Evaluation:
        with turn:
            running[0] += 1
            most[0] = max(most[0], running[0])
        result: float | Evaluation = inner(program)
        with turn:
            running[0] -= 1
        return result

    given["evaluator"].function = evaluate
    with open_evolution(tmp_path / "run", trials=60, workers=2, in_flight=8, proposals=4, **given) as evolution:
        evolution.run()
    assert most[0] <= 2
    under_way: set[int] = set()
    tuned = 0
    for event in journal.read(tmp_path / "run" / ".evolve" / "journal.jsonl"):
        if event["event"] == "asked" and event.get("operator") == "tuner":
            assert len(under_way) <= 2
            under_way.add(event["number"])
            tuned += 1
        elif event["event"] == "proposed":
            under_way.add(event["number"])
        elif event["event"] == "told":
            under_way.discard(event["number"])
    assert tuned > 10


def test_points_that_were_under_way_are_taken_up(tmp_path: Path) -> None:
    """A session that stops in the middle leaves them to the next, and counts none twice."""
    told = 0
    for limit in range(4, 40, 4):
        given = moody_settings(tuned=True)
        with open_evolution(tmp_path / "run", trials=30, workers=2, in_flight=4, **given) as evolution:
            evolution.on_trial = lambda trial: evolution.stop("interrupted") if trial.number >= limit else None  # noqa: B023
            evolution.run()
            assert evolution.learners.told >= told
            told = evolution.learners.told
    with open_evolution(tmp_path / "run", trials=30, workers=2, in_flight=4, **moody_settings(tuned=True)) as evolution:
        evolution.run()
        assert evolution.budget.spent["trials"] == 30
        assert sorted(event["number"] for event in _events(tmp_path / "run", "told")) == list(
            range(evolution.learners.told)
        )


@pytest.mark.parametrize("workers", [1, 3])
def test_a_replay_makes_the_same_selections(tmp_path: Path, workers: int) -> None:
    """Also those that depended on how busy the evaluators were."""
    given = moody_settings(tuned=True)
    path = tmp_path / "run"
    with open_evolution(path, trials=40, workers=workers, in_flight=workers + 1, **given) as evolution:
        evolution.run()
    events = list(journal.read(path / ".evolve" / "journal.jsonl"))
    differences: list[str] = []
    with open_evolution(tmp_path / "again", **moody_settings(tuned=True)) as evolution:
        evolution.replay(events, unfinished=(), witness=differences.append)
    assert [line for line in differences if "selects" in line] == []


def _events(path: Path, kind: str) -> list[journal.Event]:
    return [event for event in journal.read(path / ".evolve" / "journal.jsonl") if event["event"] == kind]


def _asked(path: Path, operator: str) -> list[int]:
    return [event["number"] for event in _events(path, "asked") if event.get("operator") == operator]
