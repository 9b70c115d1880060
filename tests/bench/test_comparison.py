"""What a report says of runs that were made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from evolve.bench.comparison import Comparison
from evolve.bench.runs import runs_of
from evolve.bench.table import as_markdown
from evolve.errors import TaskError

MakeRun = Callable[..., pd.DataFrame]


def compare(*tables: pd.DataFrame, **settings: object) -> Comparison:
    """The comparison of these runs."""
    return Comparison(runs_of(pd.concat(tables)), **settings)  # type: ignore[arg-type]


def ten(make_run: MakeRun, policy: str, *, jump: int, end: float, **over: object) -> list[pd.DataFrame]:
    """Ten runs of 8 calls that jump from 1 to about `end` at that call."""
    return [make_run(policy, seed, [1.0] * jump + [end + seed / 100] * (9 - jump), **over) for seed in range(10)]


def test_the_better_policy_is_ahead(make_run: MakeRun) -> None:
    """Scores, calls to the baseline's end, pairs won, and p-values of the two exact tests with Holm's correction."""
    found = compare(*ten(make_run, "slow", jump=8, end=2.0), *ten(make_run, "fast", jump=3, end=3.0))
    slow, fast = found.lines("sine")
    assert (slow.policy, slow.runs, slow.reached, slow.versus) == ("slow", 10, 5, None)
    assert found.thresholds == {"sine": pytest.approx(2.045)}
    assert fast.score.value == pytest.approx(3.045)
    assert slow.score.high < fast.score.low
    assert fast.calls is not None
    assert (fast.calls.value, fast.calls.low, fast.calls.high, fast.reached) == (3.0, 3.0, 3.0, 10)
    assert fast.versus is not None
    assert (fast.versus.pairs, fast.versus.share) == (10, 1.0)
    assert fast.versus.score == fast.versus.calls == pytest.approx(2 * 2 / 2**10)


def test_lower_scores_can_be_better(make_run: MakeRun) -> None:
    """On a task that is minimised the lower score wins, and figures are scores again."""
    worse = [make_run("worse", seed, [9.0, 8.0, 7.0], direction="minimize") for seed in range(4)]
    better = [make_run("better", seed, [9.0, 8.0, 3.0], direction="minimize") for seed in range(4)]
    found = compare(*worse, *better, thresholds={"sine": 5.0})
    lines = {line.policy: line for line in found.lines("sine")}
    assert lines["better"].score.value == 3.0
    assert (lines["worse"].reached, lines["better"].reached) == (0, 4)
    assert lines["better"].versus is not None
    assert lines["better"].versus.share == 1.0
    assert [float(curve[1]) for curve in found.progress("better", "sine", "calls", np.array([0.0, 2.0]))] == [3.0] * 3
    assert found.split("better", "sine", 2) == 8.0


def test_scores_are_compared_at_equal_calls(make_run: MakeRun) -> None:
    """A policy that was given more calls is looked at where the other one ended."""
    short = [make_run("short", seed, [1.0, 2.0]) for seed in range(3)]
    long = [make_run("long", seed, [1.0, 1.5, 9.0]) for seed in range(3)]
    found = compare(*short, *long)
    assert found.horizons == {"sine": 1.0}
    assert [line.score.value for line in found.lines("sine")] == [2.0, 1.5]
    assert found.thresholds == {"sine": 2.0}
    assert compare(*short, *long, baseline="long").thresholds == {"sine": 9.0}


def test_a_policy_without_calls_counts_with_all_it_found(make_run: MakeRun) -> None:
    """It asks nobody, so it neither ends the others' calls nor is cut off by them."""
    asks = [make_run("asks", seed, [1.0, 2.0, 3.0]) for seed in range(3)]
    free = [make_run("free", seed, [1.0, 4.0], calls=0, tokens=0, budget=None, model="") for seed in range(3)]
    found = compare(*asks, *free)
    assert found.horizons == {"sine": 2.0}
    lines = {line.policy: line for line in found.lines("sine")}
    assert lines["free"].score.value == 4.0
    assert lines["free"].calls is not None
    assert lines["free"].calls.value == 0.0


def test_who_does_not_get_there_is_censored(make_run: MakeRun) -> None:
    """Two of five runs get there, so the median is never; a run with fewer calls is not known to be later."""
    base = [make_run("base", seed, [0.0, 1.0, 1.0]) for seed in range(5)]
    some = [make_run("some", seed, [0.0, 0.0, 1.0 if seed < 2 else 0.5]) for seed in range(5)]
    found = compare(*base, *some, thresholds={"sine": 1.0})
    line = found.lines("sine")[1]
    assert line.calls is not None
    assert (line.calls.value, line.reached) == (math.inf, 2)
    assert "> 2 [2, > 2] | 2 of 5" in as_markdown(found)
    short = [make_run("short", seed, [0.0, 0.0]) for seed in range(5)]
    table = as_markdown(compare(*base, *some, *short, thresholds={"sine": 1.0}))
    assert "> 2 [2, > 2] | 2 of 5" in table  # as many as it was given, not as the shortest was
    assert "> 1 [> 1, > 1] | 0 of 5" in table
    later = make_run("long", 0, [0.0, 0.0, 0.0, 0.0, 1.0])
    ended = make_run("ended", 0, [0.0, 0.0])
    versus = compare(later, ended, thresholds={"sine": 1.0}).lines("sine")[1].versus
    assert versus is not None
    assert versus.calls == 1.0


def test_only_what_changes_is_kept_of_a_run(make_run: MakeRun) -> None:
    """A run of many rows is its new bests and its end, and says the same of every amount that was used."""
    scores = [1.0, None, 0.5, 2.0, 1.5, 3.0, None, None]
    (run,) = runs_of(make_run("one", 0, scores))
    assert len(run.best) == 4
    assert run.at("calls", np.arange(-1.0, 9.0)).tolist() == [-math.inf, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]
    assert (run.total("calls"), run.total("tokens")) == (7.0, 700.0)
    (late,) = runs_of(make_run("one", 0, [None, None, 1.0]))
    assert late.at("calls", np.arange(3.0)).tolist() == [-math.inf, -math.inf, 1.0]


def test_a_run_that_ends_early_has_not_got_there(make_run: MakeRun) -> None:
    """Who stops with calls left counts as not there after all of them."""
    (run,) = runs_of(make_run("stops", 0, [0.0, 0.5], budget=100))
    assert run.calls_to(1.0) == (100.0, False)
    assert run.calls_to(0.5) == (1.0, True)


def test_failed_runs_are_told_and_not_counted(make_run: MakeRun) -> None:
    """They are in no figure, and on top of the report with their reason."""
    good = [make_run("good", seed, [1.0, 2.0]) for seed in range(3)]
    bad = make_run("good", 3, [1.0, 9.0], outcome="failed", message="SandboxFault: no sandbox")
    found = compare(*good, bad)
    line = found.lines("sine")[0]
    assert (line.runs, line.failed, line.score.value) == (3, 1, 2.0)
    assert "**Failed:** good on sine, seed 3: SandboxFault: no sandbox" in as_markdown(found)
    assert "3 + 1 failed" in as_markdown(found)


def test_all_runs_may_have_failed(make_run: MakeRun) -> None:
    """Then the report says that, and nothing else."""
    bad = make_run("bad", 0, [None], outcome="failed", message="it broke")
    text = as_markdown(compare(bad))
    assert text == (
        "# Comparison\n\nEvery run failed, so there is nothing to compare.\n\n"
        "**Failed:** bad on sine, seed 0: it broke\n"
    )


def test_several_tasks_are_put_together(make_run: MakeRun) -> None:
    """Scores are normalised by task: 0 is the seed program, 1 the best that was found; p-values are of one family."""
    tables = []
    for task, scale in (("small", 1.0), ("large", 1000.0)):
        for seed in range(5):
            tables.append(make_run("base", seed, [0.0, 0.5 * scale], task=task))
            tables.append(make_run("best", seed, [0.0, scale], task=task))
    tables += [make_run("partly", seed, [0.0, 0.7], task="small") for seed in range(5)]
    found = compare(*tables)
    lines = {line.policy: line for line in found.lines(None)}
    assert set(lines) == {"base", "best"}
    assert (lines["base"].score.value, lines["best"].score.value, lines["best"].runs) == (0.5, 1.0, 10)
    assert lines["best"].versus is not None
    assert lines["best"].versus.pairs == 10
    # four places where policies meet the baseline, two tests each; the smallest p is times all of them
    assert lines["best"].versus.score == pytest.approx(8 * 2 / 2**10)


def test_several_short_runs_or_a_long_one(make_run: MakeRun) -> None:
    """The expected best of k runs with 1/k of the calls each."""
    runs = [make_run("one", seed, [0.0, float(seed), float(seed), 4.0, 5.0]) for seed in range(4)]
    found = compare(*runs)
    assert found.split("one", "sine", 1) == 5.0
    assert found.split("one", "sine", 2) == pytest.approx((1 + 2 + 2 + 3 + 3 + 3) / 6)
    assert found.split("one", "sine", 4) == 3.0
    assert found.split("one", "sine", 5) is None


def test_other_models_are_told(make_run: MakeRun) -> None:
    """Runs that asked someone else are compared, and the report begins with that."""
    text = as_markdown(compare(make_run("a", 0, [1.0, 2.0]), make_run("b", 0, [1.0, 2.0], model="simulated 2")))
    assert "**Not the same model was asked everywhere" in text
    assert "simulated 1; simulated 2" in text
    codes = [make_run(name, 0, [1.0, 2.0], model=f"simulated (code {name * 3}) good=1") for name in ("a", "b")]
    assert "\nAsked was simulated (code aaa) good=1; simulated (code bbb) good=1.\n" in as_markdown(compare(*codes))


def test_the_same_data_give_the_same_report(make_run: MakeRun) -> None:
    """Resampling has a seed of its own."""
    tables = [*ten(make_run, "slow", jump=8, end=2.0), *ten(make_run, "fast", jump=3, end=3.0)]
    assert as_markdown(compare(*tables)) == as_markdown(compare(*tables))


def test_who_is_not_there_is_no_baseline(make_run: MakeRun) -> None:
    """A baseline without runs, and a threshold of a task without runs, are named."""
    with pytest.raises(TaskError, match="baseline 'greedy'; there are a"):
        compare(make_run("a", 0, [1.0]), baseline="greedy")
    with pytest.raises(TaskError, match="task 'cosine'; there are sine"):
        compare(make_run("a", 0, [1.0]), thresholds={"cosine": 1.0})
