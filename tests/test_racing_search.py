"""A whole search in which programs race: journal, budget, commits, clone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from evolve import journal
from evolve.evaluation.repeats import Race, Repeats
from evolve.history import History
from evolve.testing.fakes import NoisyEvaluator, number_score
from evolve.testing.searches import open_evolution
from evolve.types import Trial


def settings(most: int = 10) -> dict[str, Any]:
    """A noisy evaluator that nobody has used."""
    repeats = Repeats(NoisyEvaluator(), race=Race(most=most))
    return {"evaluator": repeats, "reservation": {"trials": 1, "evaluations": repeats.most}}


def refs(path: Path) -> str:
    command = ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]
    return subprocess.run(command, cwd=path, check=True, capture_output=True, text=True).stdout


def evaluations(path: Path) -> dict[int, object]:
    """Every trial's, as the journal had it."""
    events = journal.read(path / ".evolve" / "journal.jsonl")
    return {event["number"]: event for event in events if event["event"] == "told"}


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """The same races, the same commits, the same best; and a reader of the run finds what the engine has."""
    with open_evolution(tmp_path / "whole", trials=60, **settings()) as evolution:
        whole = evolution.run()
        spent = dict(evolution.budget.spent)
    for trials in (7, 25, 26, 60):
        with open_evolution(tmp_path / "parts", trials=trials, **settings()) as evolution:
            parts = evolution.run()
    assert parts.best == whole.best
    with open_evolution(tmp_path / "parts", trials=60, **settings()) as evolution:
        assert evolution.budget.spent == spent
        assert evolution.best == whole.best
    numbers = [
        {key: value for key, value in event.items() if key not in {"cost", "elapsed"}}  # type: ignore[attr-defined]
        for path in ("whole", "parts")
        for event in evaluations(tmp_path / path).values()
    ]
    assert numbers[:61] == numbers[61:]
    log = ["git", "log", "--format=%H", "best"]
    heads = [subprocess.check_output(log, cwd=tmp_path / name) for name in ("whole", "parts")]
    assert heads[0] == heads[1]
    history = History(tmp_path / "whole")
    assert history.best == whole.best
    assert history[whole.seed.number].evaluation == whole.seed.evaluation
    assert len(history[0].evaluation.samples) > 3, "nobody has raced against the seed, so the test shows nothing"


@pytest.mark.parametrize("workers", [1, 3])
def test_a_clone_knows_the_races(tmp_path: Path, workers: int) -> None:
    """Who won, the corrected scores and the budget are in the commits, and the search goes on from there."""
    with open_evolution(tmp_path / "run", trials=60, workers=workers, in_flight=workers, **settings()) as evolution:
        run = evolution.run()
        spent = dict(evolution.budget.spent)
    subprocess.run(["git", "clone", "-q", f"file://{tmp_path}/run", tmp_path / "clone"], check=True)
    with open_evolution(tmp_path / "clone", **settings()) as evolution:
        assert evolution.budget.spent == spent
        assert evolution.best is not None
        assert evolution.best.number == run.best.number
        assert evolution.best.evaluation.samples == run.best.evaluation.samples
    if workers == 1:
        for name in ("run", "clone"):
            with open_evolution(tmp_path / name, trials=80, **settings()) as evolution:
                evolution.run()
        assert refs(tmp_path / "run") == refs(tmp_path / "clone")


@pytest.mark.parametrize("workers", [1, 3])
def test_every_repeat_counts_and_the_budget_is_never_passed(tmp_path: Path, workers: int) -> None:
    """What is spent is what the evaluator was asked for, the best one's repeats included."""
    noisy = NoisyEvaluator()
    repeats = Repeats(noisy, race=Race(most=8))
    told = list[Trial]()
    with open_evolution(
        tmp_path / "run",
        evaluator=repeats,
        reservation={"trials": 1, "evaluations": repeats.most},
        workers=workers,
        in_flight=workers,
        on_trial=told.append,
    ) as evolution:
        evolution.budget.limits = {"evaluations": 400}
        outcome = evolution.run()
        spent = evolution.budget.spent["evaluations"]
    assert outcome.reason == "evaluations"
    assert 400 - repeats.most * workers <= spent <= 400
    assert spent == noisy.evaluated == sum(trial.evaluation.evaluations for trial in told)


def test_luck_does_not_stay_on_top(tmp_path: Path) -> None:
    """The score of the best is near the truth after a long search; that of single evaluations is not."""
    gaps = {}
    for name, race in (("once", None), ("raced", Race(most=15))):
        repeats = Repeats(NoisyEvaluator(), race=race)
        with open_evolution(tmp_path / name, trials=120, evaluator=repeats) as evolution:
            best = evolution.run().best
        gaps[name] = (best.fitness or 0.0) - number_score(best.program)
    assert gaps["once"] > 1.5
    assert abs(gaps["raced"]) < 0.5
