"""From what a trial takes to what a run takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.estimates.forecast import Pace, Reserve, forecast, interval

RESOURCES = ("evaluations", "calls", "tokens", "nanodollars")
amounts = st.floats(0.0, 1e6)


@pytest.mark.parametrize(
    ("limits", "trials", "ends"),
    [
        ({"trials": 7}, 7, "trials"),
        ({"trials": 1000, "evaluations": 41}, 20, "evaluations"),
        ({"trials": 1000, "calls": 30}, 25, "calls"),
        ({"trials": 1000, "tokens": 10_000}, 6, "tokens"),
        ({"trials": 1000, "nanodollars": 10_000}, 3, "nanodollars"),
        ({"trials": 1000, "seconds": 50.0}, 21, "seconds"),
        ({"trials": 1000, "nanodollars": 4_999}, 0, "nanodollars"),
        ({"trials": 1000, "evaluations": 2}, 0, "evaluations"),
    ],
)
def test_the_limit_that_is_reached_first_ends_the_run(limits: dict[str, float], trials: int, ends: str) -> None:
    """A trial is begun while its worst is left: the seed's evaluation and seconds are taken off before."""
    pace = Pace(seconds=2.0, evaluations=2.0, calls=1.2, tokens=1_500.0, nanodollars=2_500.0)
    reserve = Reserve(evaluations=2.0, tokens=2_000.0, nanodollars=5_000.0)
    total = forecast(limits, pace, reserve, seed=1.0, before=10.0, after=3.0)
    assert (total.trials, total.ends) == (trials, ends)
    assert total.seconds == 10.0 + 2.0 * trials + 3.0
    assert total.nanodollars == 2_500.0 * trials


def test_without_a_limit_that_counts_there_is_no_end() -> None:
    """Free calls are never stopped by a limit on dollars."""
    with pytest.raises(ValueError, match="nanodollars"):
        forecast({"nanodollars": 10}, Pace(seconds=1.0), Reserve())


@given(
    st.dictionaries(st.sampled_from(RESOURCES), amounts),
    st.builds(Pace, seconds=amounts, evaluations=amounts, calls=amounts, tokens=amounts, nanodollars=amounts),
    st.builds(Reserve, evaluations=amounts, tokens=amounts, nanodollars=amounts),
)
def test_more_of_a_limit_is_never_fewer_trials(limits: dict[str, float], pace: Pace, reserve: Reserve) -> None:
    """And what is spent passes a limit by less than one trial."""
    less = forecast({"trials": 500, **limits}, pace, reserve)
    more = forecast({"trials": 1000, **{name: 2 * limit + 1 for name, limit in limits.items()}}, pace, reserve)
    assert less.trials <= more.trials
    for name, limit in limits.items():
        before_the_last = getattr(less, name) - getattr(pace, name)
        assert less.trials == 0 or before_the_last <= limit * (1 + 1e-9) + 1e-6


@pytest.mark.parametrize(
    ("workers", "calls_in_flight", "seconds"),
    [(1, 1, 23.0), (1, 0, 23.0), (1, 8, 3.0), (4, 1, 20.0), (4, 8, 2.5), (2, 80, 1.5)],
)
def test_the_slower_pool_decides(workers: int, calls_in_flight: int, seconds: float) -> None:
    """Two calls of 10 seconds and an evaluation of 3; one after the other where nothing overlaps."""
    pools = {"workers": workers, "calls_in_flight": calls_in_flight}
    assert interval(calls=2.0, latency=10.0, evaluations=1.0, evaluation=3.0, **pools) == seconds
