"""Tuner: the numeric literals of a program, moved together by CMA-ES."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from evolve.fingerprint import structure
from evolve.proposers._distribution import Distribution, Gaussian, Vector
from evolve.proposers._lift import Literal, lift, write
from evolve.proposers._reader import Reader
from evolve.regions import Regions
from evolve.types import Context, Json, Program, Proposal, Selection, Trial

__all__ = ["Tuner"]


_TUNED_OUT = 256
"""How many structures that were given up are remembered."""

_PRECISION = 1e-3
"""Steps smaller than this part of a literal would vanish in the four digits that are written."""


@dataclass
class _Session:
    """The tuning of one structure. Changed by `tell` alone."""

    start: tuple[float, ...]
    distribution: Distribution
    best: float
    best_values: tuple[float, ...]
    template: Trial
    """A program of the structure: the best one told."""
    integers: bool = False
    epoch: int = 0
    restarts: int = 0
    generation: int = 0
    stalled: int = 0
    """Generations in a row without a better point and without a better median."""
    improved: bool = False
    median: float = -math.inf
    """The best one of a generation."""
    points: list[Vector] = field(default_factory=list)
    fitness: list[float | None] = field(default_factory=list)
    known: dict[int, float] = field(default_factory=dict)
    """Trial -> fitness, for duplicates of them."""


@dataclass(frozen=True)
class _Plan:
    """What the next proposal is made of."""

    target: Trial
    key: str
    literals: tuple[Literal, ...]
    start: tuple[float, ...]
    gaussian: Gaussian
    epoch: int = 0
    generation: int = 0
    integers: bool = False
    known: bool = True
    """Whether there is a session; if not, the first trial to be told opens it."""


class Tuner:
    """Tunes the numeric literals in the evolving regions of the selected parent; one trial is one point.

    Programs that differ in numeric literals only share a session, and with it one distribution. The distribution starts
    at the literals of the first one, each scaled by its magnitude (1 for 0), and learns when a generation of trials has
    been told, a failed one as the worst. Literals in places that want an integer (indices, sizes, `range`, digits,
    exponents) stay integers; other integer literals may become floats, unless most of a first generation fails: then it
    starts again with all of them kept. A better program of the same structure from elsewhere joins the generation.

    All that it knows comes from `tell`: each proposal's note holds the point and where it was drawn, so that a replay
    of the tells goes on with the same proposals.

    Args:
        regions: what may change.
        sigma: the first standard deviation, relative to each literal's magnitude.
        sessions: how many structures are remembered; the worst go first.
        parameters: how many literals are tuned at a time; of more, some are drawn for each start.
        patience: generations without progress after which a session starts again from its best point with a larger
            step, and after `restarts` of those is given up: its structure is tuned out.
        elsewhere: when the parent is tuned out, tune another program. In a mix others have better uses for the trial.
    """

    def __init__(
        self,
        regions: Regions,
        *,
        sigma: float = 0.3,
        sessions: int = 8,
        parameters: int = 40,
        patience: int = 8,
        restarts: int = 1,
        elsewhere: bool = True,
    ) -> None:
        self._reader = Reader(regions)
        self._sigma = sigma
        self._most_sessions = sessions
        self._most_parameters = parameters
        self._patience = patience
        self._restarts = restarts
        self._elsewhere = elsewhere
        self._sessions: dict[str, _Session] = {}
        self._tuned_out: dict[str, None] = {}
        self._best = -math.inf
        self._lock = threading.Lock()

    def propose(self, selection: Selection, context: Context) -> Proposal:
        """The first parent, or another program when that one is tuned out, at a new point."""
        with self._lock:
            plan = self._plan(selection)
        if plan is None:
            return _rejected(selection.parents[0], "there is no numeric literal left to tune in the evolving regions")
        # an attempt more says that what was drawn had been tried: points are too close to differ in what is written
        for widen in range(1 + context.attempt, 9 + context.attempt):
            values = _values(plan.start, plan.gaussian.sample(context.rng, widen))
            for at, literal in enumerate(plan.literals):
                values[at] = literal.round(values[at], integers=plan.integers)
            if any(value != literal.value for value, literal in zip(values, plan.literals, strict=False)):
                return self._proposal(plan, values)
        return _rejected(plan.target, "the steps of the tuner have become too small to change a literal")

    def _proposal(self, plan: _Plan, values: list[float]) -> Proposal:
        note: dict[str, Json] = {
            "structure": plan.key,
            "epoch": plan.epoch,
            "generation": plan.generation,
            "values": values,
        }
        if not plan.known:
            note |= {"start": plan.start, "fitness": plan.target.fitness}
        return Proposal(
            program=write(plan.target.program, plan.literals, values[: len(plan.literals)]),
            parents=(plan.target.number,),
            operator="tuner",
            summary=_summary(plan.literals, values),
            note=note,
        )

    def tell(self, trial: Trial) -> None:
        """Own trials feed their session; a new best of another proposer joins that of its structure."""
        with self._lock:
            if trial.operator == "tuner":
                self._told(trial)
            elif trial.fitness is not None and trial.fitness > self._best:
                self._join(trial, trial.fitness)
            if trial.fitness is not None:
                self._best = max(self._best, trial.fitness)

    def _plan(self, selection: Selection) -> _Plan | None:
        """The selected parent if there is something left to tune, else the best program in tuning, else another one."""
        targets = [selection.parents[0]]
        if self._elsewhere:
            live = sorted(self._sessions.values(), key=lambda session: -session.best)
            targets += [*(session.template for session in live), *selection.parents[1:], *selection.inspirations]
        for target in targets:
            key = structure(target.program).hex()
            if key in self._tuned_out:
                continue
            session = self._sessions.get(key)
            literals = self._literals(target.program, key, session.epoch if session else 0)
            if not literals:
                continue
            if session is not None:
                gaussian = session.distribution.now
                return _Plan(
                    target, key, literals, session.start, gaussian, session.epoch, session.generation, session.integers
                )
            # CMA-ES wants two dimensions, so a lone literal gets an idle companion
            start = tuple([float(literal.value) for literal in literals] + [0.0] * (len(literals) == 1))
            return _Plan(target, key, literals, start, Gaussian.around(len(start), self._sigma), known=False)
        return None

    def _literals(self, program: Program, key: str, epoch: int) -> tuple[Literal, ...]:
        """What is tuned of a program: the same places for all of its structure, others after a restart."""
        literals = lift(self._reader, program)
        if len(literals) > self._most_parameters:
            seed = int.from_bytes(blake2b(f"{key} {epoch}".encode(), digest_size=8).digest())
            chosen = np.random.default_rng(seed).choice(len(literals), self._most_parameters, replace=False)
            literals = [literals[at] for at in sorted(chosen)]
        return tuple(literals)

    def _told(self, trial: Trial) -> None:
        """Take a trial of ours into the generation of its session."""
        note = _Note.read(trial.note)
        if note is None or note.structure in self._tuned_out:
            return
        session = self._sessions.get(note.structure)
        if session is None:
            session = self._open(trial, note)
        if session is None or note.epoch != session.epoch or note.generation < session.generation - 1:
            return
        fitness = trial.fitness
        if fitness is None and trial.duplicate_of is not None:
            fitness = session.known.get(trial.duplicate_of)
        elif fitness is not None:
            session.known[trial.number] = fitness
        self._take(note.structure, session, trial, note.values, fitness)

    def _open(self, trial: Trial, note: _Note) -> _Session | None:
        """A session that starts where the first of its trials to be told says."""
        if note.start is None or note.fitness is None or len(note.start) != len(note.values):
            return None
        distribution = Distribution(len(note.start), self._sigma)
        session = _Session(note.start, distribution, note.fitness, note.start, trial)
        self._sessions[note.structure] = session
        if len(self._sessions) > self._most_sessions:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].best)]
        return session

    def _join(self, trial: Trial, fitness: float) -> None:
        """A new best from elsewhere is a point of its structure, too, and a reason to tune what had been given up."""
        key = structure(trial.program).hex()
        self._tuned_out.pop(key, None)
        session = self._sessions.get(key)
        if session is not None:
            values = [float(literal.value) for literal in self._literals(trial.program, key, session.epoch)]
            values += [0.0] * (len(session.start) - len(values))
            self._take(key, session, trial, values, fitness)

    def _take(self, key: str, session: _Session, trial: Trial, values: Sequence[float], fitness: float | None) -> None:
        session.points.append(_point(session.start, values))
        session.fitness.append(fitness)
        if fitness is not None and fitness > session.best:
            session.best, session.best_values, session.template = fitness, tuple(values), trial
            session.improved = True
        if len(session.points) >= session.distribution.size:
            self._learn(key, session)

    def _learn(self, key: str, session: _Session) -> None:
        """A generation is complete."""
        failed = session.fitness.count(None)
        costs = _ranks(session.fitness)
        # a lucky first point can stay the best for long while the generations still get better
        median = float(np.median([-math.inf if value is None else value for value in session.fitness]))
        session.improved = session.improved or median > session.median
        session.median = max(session.median, median)
        points, session.points, session.fitness = session.points, [], []
        if session.generation == 0 and failed > len(points) / 2 and not session.integers:
            session.integers = True
            self._restart(session, session.start, self._sigma)
            return
        session.distribution.tell(points, costs)
        session.generation += 1
        session.stalled = 0 if session.improved else session.stalled + 1
        session.improved = False
        if session.stalled < self._patience and session.distribution.now.width > _PRECISION:
            return
        if session.restarts < self._restarts:
            session.restarts += 1
            self._restart(session, session.best_values, self._sigma * 2**session.restarts)
        else:
            del self._sessions[key]
            self._tuned_out[key] = None
            if len(self._tuned_out) > _TUNED_OUT:
                del self._tuned_out[next(iter(self._tuned_out))]

    def _restart(self, session: _Session, start: tuple[float, ...], sigma: float) -> None:
        """A fresh distribution; what is still on its way from the old one will be ignored."""
        session.start, session.distribution = start, Distribution(len(start), sigma)
        session.epoch += 1
        session.generation = session.stalled = 0
        session.improved, session.median = False, -math.inf
        session.known.clear()


@dataclass(frozen=True)
class _Note:
    """What a proposal of ours says of itself in its trial."""

    structure: str
    epoch: int
    generation: int
    values: tuple[float, ...]
    start: tuple[float, ...] | None
    fitness: float | None

    @classmethod
    def read(cls, note: Mapping[str, Json]) -> _Note | None:
        """None when it is not a note of a tuner: that of a rejected proposal, or of another proposer of that name."""
        key, epoch, generation = note.get("structure"), note.get("epoch"), note.get("generation")
        values, fitness = _floats(note.get("values")), note.get("fitness")
        if not (isinstance(key, str) and isinstance(epoch, int) and isinstance(generation, int)) or values is None:
            return None
        fitness = float(fitness) if isinstance(fitness, int | float) else None
        return cls(key, epoch, generation, values, _floats(note.get("start")), fitness)


def _floats(items: Json) -> tuple[float, ...] | None:
    if not isinstance(items, list | tuple):
        return None
    numbers = [float(item) for item in items if isinstance(item, int | float)]
    return tuple(numbers) if len(numbers) == len(items) else None


def _rejected(parent: Trial, reason: str) -> Proposal:
    return Proposal(
        program=parent.program, parents=(parent.number,), operator="tuner", summary="no change", rejected=reason
    )


def _scale(value: float) -> float:
    return abs(value) or 1.0


def _values(start: Sequence[float], point: Vector) -> list[float]:
    return [value + _scale(value) * float(step) for value, step in zip(start, point, strict=True)]


def _point(start: Sequence[float], values: Sequence[float]) -> Vector:
    return np.array([(value - base) / _scale(base) for base, value in zip(start, values, strict=True)])


def _ranks(fitness: Sequence[float | None]) -> list[float]:
    """The place of each among the others, equal for equals; the last for what has no fitness."""
    order = {value: float(rank) for rank, value in enumerate(sorted({-f for f in fitness if f is not None}))}
    return [float(len(order)) if value is None else order[-value] for value in fitness]


def _summary(literals: Sequence[Literal], values: Sequence[float]) -> str:
    """What became of which number, as far as a line holds."""
    moves = [
        f"{literal.text(literal.value)} to {literal.text(value)}"
        for literal, value in zip(literals, values, strict=False)
        if value != literal.value
    ]
    shown = ", ".join(moves[:3]) + (f" and {len(moves) - 3} more" if len(moves) > 3 else "")
    return f"tune {shown or 'nothing'}"
