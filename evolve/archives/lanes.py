"""Lanes: several independent searches race, and the losers are dropped."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeAlias, get_args

import numpy as np

from evolve.archives._kept import NOTHING_TO_SAMPLE, Kept, others
from evolve.archives._seen import Seen
from evolve.archives.stall import Stall
from evolve.archives.top import greedy
from evolve.types import Archive, Selection, Trial

__all__ = ["Lanes"]

Unit: TypeAlias = Literal["auto", "calls", "trials"]

_START = "start"
_DROPS = 3
"""How often lanes are dropped."""
_MOST, _AT, _LEAST = 12, 300, 30
"""Lanes at most; the budget that is enough for them; the budget below which there is but one."""
_EXPONENT = 0.63
"""Six lanes for a budget of 100, and between them by the same power of the budget."""
_UNKNOWN = 300
"""What is planned for when nobody says what the budget is."""
_GUESTS = 100
"""Of a lane, those that are remembered, in case they are told again."""
_SHOWN = 3
"""Starts that a new one is to differ from, of all that there are."""


@dataclass(slots=True)
class _Lane:
    name: str
    archive: Stall
    best: Kept = field(default_factory=lambda: Kept(8))
    told: int = 0
    guests: deque[int] = field(default_factory=lambda: deque(maxlen=_GUESTS))
    """Numbers of trials that it was told and that are not its own: the one it began with, and those it took up."""

    @property
    def fitness(self) -> float:
        best = self.best.best
        return -math.inf if best is None or best.fitness is None else best.fitness


class Lanes:
    """An archive that races archives: each is told its own trials, and the worst are dropped.

    Of a budget B, first an eighth is for *starts*: full rewrites of the seed, the first trial told, that leap away from
    those before them, which they are shown. Then the best starts and the seed begin a lane each. In three steps, until
    the share `race` of B is used up, only the best lanes stay, by their best fitness, of equals the older one: 12, 5,
    2, 1 of them for B of at least 300, 6, 3, 2, 1 for 100; in general n, n^(2/3), n^(1/3), 1 with n = 12·(B/300)^0.63
    below 300. (Successive halving: Jamieson & Talwalkar, arXiv 1502.07943; these numbers of lanes, dropped at 25, 50
    and 75 % of B: arXiv 2607.18235. benchmarks/policies says why ours race for less.) Below 30 there is one lane, and
    no start but the seed. When B is not known, what is planned for is 300. After the race the last lane goes on.

    The next lane is drawn with chances that halve with each trial that it was told more than the least: so no lane
    starves, and they are abreast. Its selection shows the best of dropped lanes beside what its own archive shows. A
    lane that stalls answers as `Stall` says, and combines with the best of another lane.

    A trial that comes too late, as its lane was dropped while it was in flight, or one of a lane that is none of these,
    is among the ideas of dropped lanes; one that is better than the best of any lane is taken up by the last of them.
    All of this follows from the trials told alone.

    Args:
        make: makes the archive of a lane.
        budget: B, in `unit`; 0 when it is not known.
        unit: what is counted: "calls" of models that the trials told have used, or these "trials" themselves; "auto"
            is calls once there are any.
        starts: the share of the budget for starts.
        race: the share of the budget at which one lane is left.
        lanes: how many there are at first; 0 for what the budget says.
        ideas: how many of the dropped lanes' best are shown.
        patience: as for `Stall`; 0 when a stall is not to be answered.
        threshold: as for `Stall`.
        share: as for `Stall`.

    Raises `ValueError` for settings that make no sense.
    """

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        make: Callable[[], Archive] = greedy,
        budget: int = 0,
        unit: Unit = "auto",
        *,
        starts: float = 0.125,
        race: float = 0.2,
        lanes: int = 0,
        ideas: int = 1,
        patience: int = 50,
        threshold: float = 0.001,
        share: float = 0.5,
    ) -> None:
        if budget < 0 or lanes < 0 or ideas < 0 or not 0.0 <= starts <= race <= 1.0:
            raise ValueError(
                f"budget, lanes and ideas are at least 0, starts is between 0 and race, and race at most 1, not "
                f"{budget}, {lanes}, {ideas}, {starts} and {race}"
            )
        if unit not in get_args(Unit):
            raise ValueError(f"unit is one of {', '.join(get_args(Unit))}, not {unit!r}")
        self._make = partial(Stall, make, patience or 1, threshold, share if patience else 0.0)
        self._make()  # what makes no sense to it is said at once
        self._budget, self._unit, self._ideas = budget or _UNKNOWN, unit, ideas
        self._sizes = _sizes(lanes or _lanes_for(self._budget))
        self._starts_until = starts * self._budget if self._sizes[0] > 1 else 0.0
        step = (race - starts) / _DROPS
        self._drops_at = tuple((starts + at * step) * self._budget for at in range(1, _DROPS + 1))
        self._seed: Trial | None = None
        self._seen = Seen()
        self._calls = self._trials = 0
        self._stage = -1
        """How often lanes were dropped; -1 while there are none."""
        self._starts = Kept(4 * self._sizes[0])
        self._lanes: dict[str, _Lane] = {}
        self._dropped = Kept(_MOST)
        """The best of the dropped lanes, and what came too late."""
        self._best = Kept(8)
        """Of all."""

    @property
    def stalled(self) -> str:
        """What is to be said when every lane has tried everything and nothing helped; "" before that."""
        said = [lane.archive.stalled for lane in self._lanes.values()]
        return said[0] if said and all(said) else ""

    def tell(self, trial: Trial) -> None:
        """Tell the trial's lane, and drop the worst when it is time."""
        if self._seed is None or trial.number == self._seed.number:
            self._seed = trial
        new = self._seen.tell(trial.number)
        self._best.tell(trial)
        if self._stage < 0:
            self._starts.tell(trial)
        else:
            self._pass_on(trial, new=new)
        if new and trial.number != self._seed.number:
            self._calls += trial.usage.calls
            self._trials += 1
        self._advance()

    def sample(self, rng: np.random.Generator) -> Selection:
        """A start, or what a lane offers. Raises `LookupError` when no trial has a fitness."""
        if self._best.best is None or self._seed is None:
            raise LookupError(NOTHING_TO_SAMPLE)
        if self._stage < 0:
            parent = self._seed if self._seed.fitness is not None else self._best.best
            shown = others(self._starts, parent, _SHOWN, rng)
            return Selection(parents=(parent,), inspirations=shown, lane=_START, operator="leap")
        lane = self._drawn(rng)
        try:
            chosen = lane.archive.sample(rng)
        except LookupError:  # it lost its trials in races: it begins again with the best of all
            chosen = Selection(parents=(self._best.best,))
        known = {trial.number for trial in (*chosen.parents, *chosen.inspirations)}
        found = [trial for trial in self._dropped if trial.number not in known]
        drawn = rng.permutation(len(found))[: self._ideas] if found and self._ideas else ()
        shown = (*chosen.inspirations, *(found[int(at)] for at in drawn))
        return replace(chosen, inspirations=shown, lane=lane.name)

    @property
    def _spent(self) -> int:
        """How much of the budget is used up."""
        return self._trials if self._unit == "trials" or (self._unit == "auto" and not self._calls) else self._calls

    def _drawn(self, rng: np.random.Generator) -> _Lane:
        lanes = list(self._lanes.values())
        if len(lanes) == 1:
            return lanes[0]
        least = min(lane.told for lane in lanes)
        chances = np.cumsum([0.5 ** min(lane.told - least, 1000) for lane in lanes])
        return lanes[min(int(np.searchsorted(chances, rng.random() * chances[-1], side="right")), len(lanes) - 1)]

    def _advance(self) -> None:
        """Begin the lanes, and drop some, as far as the budget is used up."""
        if self._stage < 0 and self._best.best is not None and self._spent >= self._starts_until:
            self._begin()
        while 0 <= self._stage < _DROPS and self._spent >= self._drops_at[self._stage]:
            self._stage += 1
            ranked = sorted(self._lanes.values(), key=lambda lane: -lane.fitness)
            for lane in ranked[self._sizes[self._stage] :]:
                del self._lanes[lane.name]
                if (best := lane.best.best) is not None:
                    self._dropped.tell(best)
        self._look_around()

    def _begin(self) -> None:
        """A lane for the seed and for each of the best starts; where starts are too few, the seed begins others too."""
        self._stage = 0
        seed = self._seed if self._seed is not None and self._seed.fitness is not None else self._best.best
        assert seed is not None
        starts = [trial for trial in self._starts if trial.number != seed.number]
        firsts = [seed, *starts[: self._sizes[0] - 1]]
        firsts += [seed] * (self._sizes[0] - len(firsts))
        for at, first in enumerate(firsts, start=1):
            lane = _Lane(str(at), self._make())
            self._lanes[lane.name] = lane
            self._take(lane, first)
        self._starts = Kept(1)  # they are not needed any more

    def _pass_on(self, trial: Trial, *, new: bool) -> None:
        """Tell the lanes that it belongs to; when there is none, it is an idea of those that were dropped."""
        homes = [lane for lane in self._lanes.values() if lane.name == trial.lane or trial.number in lane.guests]
        for lane in homes:
            lane.archive.tell(trial)
            lane.best.tell(trial)
            lane.told += new
        if homes:
            if trial.number in self._dropped:
                self._dropped.tell(trial)
            return
        if trial.fitness is not None and trial.fitness > max(lane.fitness for lane in self._lanes.values()):
            self._dropped.forget(trial.number)
            self._take(min(self._lanes.values(), key=lambda lane: lane.fitness), trial)
        else:
            self._dropped.tell(trial)

    def _take(self, lane: _Lane, trial: Trial) -> None:
        lane.guests.append(trial.number)
        lane.archive.tell(trial)
        lane.best.tell(trial)

    def _look_around(self) -> None:
        """Let each lane know of the best fitness of all, and whom it may combine with."""
        best = self._best.best
        for lane in self._lanes.values():
            lane.archive.reach = -math.inf if best is None or best.fitness is None else best.fitness
            rivals = [other.best.best for other in self._lanes.values() if other is not lane]
            known = [
                trial for trial in (*rivals, self._dropped.best) if trial is not None and trial.fitness is not None
            ]
            lane.archive.partner = max(known, key=lambda trial: trial.fitness or 0.0, default=None)


def _lanes_for(budget: int) -> int:
    return 1 if budget < _LEAST else round(_MOST * min(1.0, (budget / _AT)) ** _EXPONENT)


def _sizes(lanes: int) -> tuple[int, ...]:
    """How many lanes there are at first, and after each drop."""
    return tuple(max(1, round(lanes ** (1.0 - stage / _DROPS))) for stage in range(_DROPS + 1))
