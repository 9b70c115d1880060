"""Tuner: the numeric literals of a program, moved together by CMA-ES."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b

import numpy as np

from evolve.fingerprint import structure
from evolve.proposers._distribution import Gaussian
from evolve.proposers._lift import Literal, lift, write
from evolve.proposers._reader import Reader
from evolve.proposers._session import Note, Session, magnitude, values_at
from evolve.regions import Regions
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial

__all__ = ["Tuner"]


_TUNED_OUT = 256
"""How many structures that were given up are remembered."""

_LEARNED = 2
"""Generations after which a distribution knows something."""

_MANY = 4
"""Of more literals than these some are best left alone."""

_FEW = 0.35
"""Chance of each further literal to be the last one that is moved; three of them in the mean."""


@dataclass(frozen=True)
class _Aim:
    """What the next proposal is made of. Without a session the first trial to be told opens one."""

    target: Trial
    key: str
    literals: tuple[Literal, ...]
    start: tuple[float, ...]
    gaussian: Gaussian
    epoch: int = 0
    generation: int = 0
    new: bool = False


@dataclass(frozen=True)
class _State:
    """How far a session was when a proposal was planned."""

    template: Trial
    best: float
    start: tuple[float, ...]
    now: Gaussian
    epoch: int
    generation: int


@dataclass(frozen=True)
class _Known:
    """What was known when a proposal was planned; what is told meanwhile does not change it."""

    sessions: Mapping[str, _State]
    tuned_out: frozenset[str]


class Tuner:
    """Tunes the numeric literals in the evolving regions of the selected parent; one trial is one point.

    Programs that differ in numeric literals only share a session, and with it one distribution. The distribution starts
    at the literals of the first one, each scaled by its magnitude (1 for 0), and learns when a generation of trials has
    been told, a failed one as the worst. A better program of the same structure from elsewhere joins the generation.
    `_lift.lift` says which literals are left alone, which stay integers, and which have a range.

    Most of many literals are best left alone, and how far the others are off is not known. So until the distribution
    has learned from two generations, and for the share `few` of the proposals later on, a point is the selected program
    with a few literals moved, by steps between a hundredth of 2·`sigma` and all of it, evenly on a logarithmic scale.
    These points, too, are what the distribution learns from. `benchmarks/tuning.py` shows what they are worth.

    All that it knows comes from `tell`: each proposal's note holds the point and where it was drawn, so that a replay
    of the tells goes on with the same proposals.

    Args:
        regions: what may change.
        sigma: the first standard deviation, relative to each literal's magnitude.
        sessions: how many structures are remembered; those go first that were told of least recently, so that a new
            one is tuned however good those before it have become.
        parameters: how many literals are tuned together at most; of more, some are drawn first, and others when those
            are tuned out.
        few: the share of proposals that move few literals, once the distribution has learned; 0 for never at all.
        patience: generations without progress after which a session starts again from its best point with a larger
            step, and after `restarts` of those is given up: its structure is tuned out.
        elsewhere: when the parent is tuned out, tune another program. In a mix others have better uses for the trial.
    """

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        regions: Regions,
        *,
        sigma: float = 0.3,
        few: float = 0.5,
        sessions: int = 8,
        parameters: int = 40,
        patience: int = 8,
        restarts: int = 1,
        elsewhere: bool = True,
    ) -> None:
        self._reader = Reader(regions)
        self._sigma, self._few = sigma, few
        self._most_sessions = sessions
        self._most_parameters = parameters
        self._patience = patience
        self._restarts = restarts
        self._elsewhere = elsewhere
        self._sessions: dict[str, Session] = {}
        self._tuned_out: dict[str, None] = {}
        self._best = -math.inf
        self._known: _Known | None = None
        """What is known now; None when that has changed since it was last needed."""

    def plan(self, selection: Selection, context: Context) -> Plan:
        """The first parent, or another program when that one is tuned out, at a new point."""
        if self._known is None:
            self._known = _Known(
                {
                    key: _State(
                        session.template,
                        session.best,
                        session.start,
                        session.distribution.now,
                        session.epoch,
                        session.generation,
                    )
                    for key, session in self._sessions.items()
                },
                frozenset(self._tuned_out),
            )
        # programs are taken apart later, on any thread: a mix plans many proposals that nobody wants
        return partial(self._propose, self._known, selection, context)

    def _propose(self, known: _Known, selection: Selection, context: Context) -> Proposal:
        aim = self._aim(known, selection)
        if aim is None:
            return _rejected(selection.parents[0], "there is no numeric literal left to tune in the evolving regions")
        return _drawn(aim, context, self._few, 2.0 * self._sigma)

    def tell(self, trial: Trial) -> None:
        """Own trials feed their session; a new best of another proposer joins that of its structure."""
        self._known = None
        if trial.operator == "tuner":
            self._told(trial)
        elif trial.fitness is not None and trial.fitness > self._best:
            self._join(trial)
        if trial.fitness is not None:
            self._best = max(self._best, trial.fitness)

    def _aim(self, known: _Known, selection: Selection) -> _Aim | None:
        """The selected parent if there is something left to tune, else the best program in tuning, else another one."""
        targets = [selection.parents[0]]
        if self._elsewhere:
            live = sorted(known.sessions.values(), key=lambda session: -session.best)
            targets += [*(session.template for session in live), *selection.parents[1:], *selection.inspirations]
        for target in targets:
            for key, literals in self._parts(target.program):
                start, session = _values(literals), known.sessions.get(key)
                if key in known.tuned_out:
                    continue
                if session is None:
                    return _Aim(target, key, literals, start, Gaussian.around(len(start), self._sigma), new=True)
                if len(start) == len(session.start):
                    return _Aim(target, key, literals, session.start, session.now, session.epoch, session.generation)
        return None

    def _parts(self, program: Program) -> Iterator[tuple[str, tuple[Literal, ...]]]:
        """What is tuned together, with a key that is the same for all programs of the structure."""
        every = lift(self._reader, program)
        literals = [literal for literal in every if not literal.fixed]
        key = structure(program)
        if len(literals) < len(every):  # a comment may say something else in another program of the structure
            key += bytes(literal.fixed for literal in every)
            key = blake2b(key, digest_size=16).digest()
        number = -(-len(literals) // self._most_parameters)
        if number <= 1:
            if literals:
                yield key.hex(), tuple(literals)
            return
        shuffled = np.random.default_rng(int.from_bytes(key)).permutation(len(literals))
        for part in range(number):
            places = sorted(int(place) for place in shuffled[part::number])
            yield f"{key.hex()}/{part}", tuple(literals[place] for place in places)

    def _told(self, trial: Trial) -> None:
        """Take a trial of ours into the generation of its session."""
        note = Note.read(trial.note)
        if note is None or note.structure in self._tuned_out:
            return
        session = self._sessions.get(note.structure) or self._open(trial, note)
        if session is not None and note.epoch == session.epoch and note.generation >= session.generation - 1:
            self._take(note.structure, session, trial, note.values)

    def _open(self, trial: Trial, note: Note) -> Session | None:
        """A session that starts where the first of its trials to be told says; another one may have to go for it."""
        if note.start is None or note.fitness is None or len(note.start) != len(note.values):
            return None
        session = Session(note.start, note.fitness, trial, self._sigma, self._patience, self._restarts)
        self._sessions[note.structure] = session
        if len(self._sessions) > self._most_sessions:
            del self._sessions[next(iter(self._sessions))]
        return session

    def _join(self, trial: Trial) -> None:
        """A new best from elsewhere is a point of its structure, too, and a reason to tune what had been given up."""
        for key, literals in self._parts(trial.program):
            self._tuned_out.pop(key, None)
            if session := self._sessions.get(key):
                self._take(key, session, trial, _values(literals))

    def _take(self, key: str, session: Session, trial: Trial, values: Sequence[float]) -> None:
        if len(values) == len(session.start):
            session.take(trial, values)
        self._sessions.pop(key, None)
        if not session.finished:
            self._sessions[key] = session  # behind all that were told of before
        else:
            self._tuned_out[key] = None
            if len(self._tuned_out) > _TUNED_OUT:
                del self._tuned_out[next(iter(self._tuned_out))]


def _values(literals: Sequence[Literal]) -> tuple[float, ...]:
    """What the literals say. CMA-ES wants two dimensions, so a lone one gets an idle companion."""
    return tuple([float(literal.value) for literal in literals] + [0.0] * (len(literals) == 1))


def _drawn(aim: _Aim, context: Context, few: float, step: float) -> Proposal:
    """A point that differs from the target as it is written."""
    rng = context.rng
    many = len(aim.literals) > _MANY
    by_few = few > 0 and many and (aim.generation < _LEARNED or rng.random() < few)
    # an attempt more says that what was drawn had been tried: points are too close to differ in what is written
    for widen in range(1 + context.attempt, 9 + context.attempt):
        values = _few_moved(aim, rng, widen * step) if by_few else values_at(aim.start, aim.gaussian.sample(rng, widen))
        for at, literal in enumerate(aim.literals):
            values[at] = literal.round(values[at])
        if any(value != literal.value for value, literal in zip(values, aim.literals, strict=False)):
            return _proposal(aim, values)
    return _rejected(aim.target, "the steps of the tuner have become too small to change a literal")


def _few_moved(aim: _Aim, rng: np.random.Generator, step: float) -> list[float]:
    """The literals as they are, but for a few; an integer among these is moved by 1 at least."""
    values = list(_values(aim.literals))
    scale = step * 10.0 ** rng.uniform(-2.0, 0.0)
    for at in rng.permutation(len(aim.literals))[: rng.geometric(_FEW)]:
        move = magnitude(values[at]) * scale * rng.standard_normal()
        values[at] += math.copysign(max(abs(move), 1.0), move) if aim.literals[at].integer else move
    return values


def _proposal(aim: _Aim, values: list[float]) -> Proposal:
    note = Note(aim.key, aim.epoch, aim.generation, tuple(values))
    if aim.new:
        note = replace(note, start=aim.start, fitness=aim.target.fitness)
    return Proposal(
        program=write(aim.target.program, aim.literals, values[: len(aim.literals)]),
        parents=(aim.target.number,),
        operator="tuner",
        summary=_summary(aim.literals, values),
        note=note.write(),
    )


def _rejected(parent: Trial, reason: str) -> Proposal:
    return Proposal(
        program=parent.program, parents=(parent.number,), operator="tuner", summary="no change", rejected=reason
    )


def _summary(literals: Sequence[Literal], values: Sequence[float]) -> str:
    """What became of which number, as far as a line holds."""
    moves = [
        f"{literal.text(literal.value)} to {literal.text(value)}"
        for literal, value in zip(literals, values, strict=False)
        if value != literal.value
    ]
    shown = ", ".join(moves[:3]) + (f" and {len(moves) - 3} more" if len(moves) > 3 else "")
    return f"tune {shown or 'nothing'}"
