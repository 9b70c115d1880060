"""From what one trial takes to what a run takes: which limit ends it, and what is spent until then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Pace", "Reserve", "Total", "forecast", "interval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a trial takes in the mean; `seconds` are from one trial's end to the next one's, with many under way."""

    seconds: float
    evaluations: float = 1.0
    calls: float = 0.0
    tokens: float = 0.0
    nanodollars: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What has to be left of each resource for one more trial, or for one more call: their worst."""

    evaluations: float = 1.0
    tokens: float = 0.0
    nanodollars: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What a run takes. `ends` is the limit that ends it; `seconds` are those of the whole run."""

    trials: int
    evaluations: float
    calls: float
    tokens: float
    nanodollars: float
    seconds: float
    ends: str


def interval(
    *, calls: float, latency: float, evaluations: float, evaluation: float, workers: int, calls_in_flight: int
) -> float:
    """Seconds from one trial's end to the next one's.

    The slower of the two pools decides: `calls` of `latency` seconds each, `calls_in_flight` at a time, or so many
    evaluations of `evaluation` seconds, `workers` at a time. With one of each at a time they wait for each other.
    """
    asking, scoring = calls * latency, evaluations * evaluation
    if workers == 1 and calls_in_flight <= 1:
        return asking + scoring
    return max(asking / max(calls_in_flight, 1), scoring / workers)


def forecast(
    limits: Mapping[str, float],
    pace: Pace,
    reserve: Reserve,
    *,
    seed: float = 1.0,
    before: float = 0.0,
    after: float = 0.0,
) -> Total:
    """How far the limits reach, and what is spent by then.

    Args:
        limits: of a run, by resource; at least one.
        seed: the evaluations of the seed.
        before, after: seconds before the first trial and after the last one.

    Raises `ValueError` when no limit would ever be reached.
    """
    room = {
        "trials": _room(limits.get("trials"), 1.0, 1.0),
        "evaluations": _room(_less(limits.get("evaluations"), seed), pace.evaluations, reserve.evaluations),
        "calls": _room(limits.get("calls"), pace.calls, 1.0),
        "tokens": _room(limits.get("tokens"), pace.tokens, reserve.tokens),
        "nanodollars": _room(limits.get("nanodollars"), pace.nanodollars, reserve.nanodollars),
        "seconds": _room(_less(limits.get("seconds"), before), pace.seconds, 0.0),
    }
    ends = min(room, key=room.__getitem__)
    if room[ends] == math.inf:
        raise ValueError(f"nothing of {', '.join(limits) or 'no limits'} would ever end this run")
    trials = int(room[ends])
    return Total(
        trials=trials,
        evaluations=seed + trials * pace.evaluations,
        calls=trials * pace.calls,
        tokens=trials * pace.tokens,
        nanodollars=trials * pace.nanodollars,
        seconds=before + trials * pace.seconds + after,
        ends=ends,
    )


def _room(limit: float | None, each: float, reserve: float) -> float:
    """How many trials of `each` fit below a limit, when one is begun only while `reserve` is left."""
    if limit is None or (each < 1e-9 and limit >= reserve):
        return math.inf
    return 0.0 if limit < reserve else math.floor((limit - reserve) / each + 1e-9) + 1.0


def _less(limit: float | None, used: float) -> float | None:
    return None if limit is None else limit - used
