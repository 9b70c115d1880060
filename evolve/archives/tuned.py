"""Tuned: an archive of structures, each as good as its literals have been made."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from weakref import ref

import numpy as np

from evolve.fingerprint import structure
from evolve.types import Archive, Evaluation, Selection, Status, Trial, Usage

__all__ = ["Tuned"]

_RECENT = 50
"""New structures among which one is judged."""

_PURGE = 250
"""New structures after which those are forgotten that the archive has forgotten."""


@dataclass(slots=True)
class _Family:
    """Programs that differ in numeric literals only. `best` is the best of them, None when none has a score."""

    root: Trial
    best: Trial | None
    quota: int
    spent: int = 0
    """Evaluations that the tuner had for it, those in flight among them."""
    finished: bool = False
    """The tuner has nothing left to try."""


@dataclass
class Tuned:
    """Wraps an archive, for which programs of one structure are one trial, with the score of the best of them.

    So a new structure is compared with others by what tuning makes of it and not by the literals that it came with, and
    an archive's places are for structures. Structures that the archive forgets are forgotten.

    `next` says what the tuner should try: a new structure that is plausible has a *screen* of evaluations, and each
    proposal that is made from a structure earns it `each` more, up to `most`. It is plausible when its score, as it
    came, is at least the median of recent ones, or better than what it was made from.

    Which structure a program has is told by `evolve.fingerprint.structure`.

    Args:
        archive: what samples, and is told the first trial of each structure; again, when a better one is known.
        screen: evaluations for a structure that is new and plausible.
        each: evaluations that a structure earns with each proposal that is made from it.
        most: evaluations that a structure can have.
        slowest: seconds of the seed's evaluation above which nothing is tuned: dozens of evaluations for a proposal
            are then too many.
    """

    archive: Archive
    screen: int = 24
    each: int = 24
    most: int = 300
    slowest: float = math.inf
    _families: dict[bytes, _Family] = field(default_factory=dict, init=False)
    _keys: dict[int, bytes] = field(default_factory=dict, init=False)
    """Of every trial that has a structure of its own or belongs to one: number -> structure."""
    _open: dict[bytes, _Family] = field(default_factory=dict, init=False)
    """Those that may have evaluations left."""
    _shown: dict[int, list[ref[Trial]]] = field(default_factory=dict, init=False)
    """What the archive may hold: number of the first trial -> all that it was told of the structure."""
    _flying: dict[int, bytes] = field(default_factory=dict, init=False)
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT), init=False)
    _new: int = field(default=0, init=False)
    _too_slow: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        for name in ("screen", "each", "most"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is a number of evaluations, at least 0: it cannot be {getattr(self, name)}")

    @property
    def stalled(self) -> str:
        """What the archive has to say of a stall."""
        return str(getattr(self.archive, "stalled", ""))

    def tell(self, trial: Trial) -> None:
        """Learn of a trial; one of the tuner's counts for its structure alone."""
        if trial.number in self._keys:
            self._again(trial)
            return
        if not trial.parents:
            self._too_slow = trial.evaluation.cost.seconds > self.slowest
        tuned = trial.operator == "tuner"
        key = self._key(trial)
        family = self._families.get(key) if key is not None else None
        if tuned:
            self._landed(trial)
        elif trial.parents and (parent := self._family_of(trial.parents[0])) is not None:
            parent.quota = min(parent.quota + self.each, self.most)
            self._open[self._keys[trial.parents[0]]] = parent
        if family is not None:
            if not tuned:  # for the archive it is a copy of the structure's first trial
                copy = Evaluation(status=Status.DUPLICATE)
                self._pass_on(replace(trial, evaluation=copy, duplicate_of=family.root.number))
            self._joined(family, trial)
        elif key is not None and trial.fitness is not None:
            self._found(key, trial)
        elif not tuned:
            self._pass_on(trial)

    def sample(self, rng: np.random.Generator) -> Selection:
        """What the archive samples, each structure as the best program of it. Raises `LookupError`."""
        chosen = self.archive.sample(rng)
        return replace(
            chosen,
            parents=tuple(self._real(trial) for trial in chosen.parents),
            inspirations=tuple(self._real(trial) for trial in chosen.inspirations),
        )

    def next(self, *, final: bool = False) -> Selection | None:
        """What the tuner should try now; None when there is nothing that it has evaluations left for.

        Screens come first, of the newest structure before others, then the best structure that has earned some. With
        `final` only the best of all may have what is left to `most`.
        """
        if self._too_slow:
            return None
        if final:
            scored = [family for family in self._families.values() if family.best is not None]
            best = max(scored, key=_fitness, default=None)
            left = best is not None and _tunable(best) and best.spent < self.most
            return self._selection(best) if best is not None and left else None
        earned = [family for family in self._open.values() if _tunable(family) and family.spent < family.quota]
        if screens := [family for family in earned if family.spent < self.screen]:
            return self._selection(max(screens, key=lambda family: family.root.number))
        return self._selection(max(earned, key=_fitness)) if earned else None

    def asked(self, number: int, parent: int) -> None:
        """The tuner was asked for the trial `number`, from the program of the trial `parent`."""
        family = self._family_of(parent)
        if family is not None:
            self._spend(family, self._keys[parent])
            self._flying[number] = self._keys[parent]

    def _spend(self, family: _Family, key: bytes) -> None:
        family.spent += 1
        if family.spent >= family.quota:
            self._open.pop(key, None)

    def _selection(self, family: _Family) -> Selection:
        assert family.best is not None
        return Selection(parents=(family.best,), lane=family.root.lane, operator="tuner")

    def _key(self, trial: Trial) -> bytes | None:
        """The structure, for a trial that says something about it: one with a program that was scored."""
        if trial.evaluation.status in {Status.REJECTED, Status.DUPLICATE}:
            return None
        known = self._keys.get(trial.parents[0]) if trial.operator == "tuner" and trial.parents else None
        key = known or structure(trial.program)  # the tuner leaves it as it is, and to find it takes a parser
        if trial.fitness is not None or key in self._families:
            self._keys[trial.number] = key
        return key

    def _landed(self, trial: Trial) -> None:
        """A trial of the tuner's was told."""
        if (key := self._flying.pop(trial.number, None)) is not None:
            asked = self._families.get(key)
        else:  # nobody knows any more when it was asked for
            asked = self._family_of(trial.parents[0])
            if asked is not None:
                self._spend(asked, self._keys[trial.parents[0]])
        if asked is not None and trial.evaluation.status is Status.REJECTED:
            asked.finished = True

    def _found(self, key: bytes, trial: Trial) -> None:
        """A structure that is new."""
        assert trial.fitness is not None
        recent = sorted(self._recent)
        bar = recent[len(recent) // 2] if recent else -math.inf
        made_from = self._family_of(trial.parents[0]) if trial.parents else None
        before = made_from.best.fitness if made_from is not None and made_from.best is not None else None
        plausible = trial.fitness >= bar or (before is not None and trial.fitness > before)
        self._recent.append(trial.fitness)
        family = self._families[key] = _Family(trial, trial, min(self.screen, self.most) if plausible else 0)
        if family.quota:
            self._open[key] = family
        self._pass_on(trial)
        self._new += 1
        if self._new >= _PURGE:
            self._purge()

    def _purge(self) -> None:
        self._new = 0
        # an archive of archives may well hold an older state of a structure where the last one was dropped
        held = {number: [one for one in shown if one() is not None] for number, shown in self._shown.items()}
        self._shown = {number: shown for number, shown in held.items() if shown}
        gone = {key for key, family in self._families.items() if family.root.number not in self._shown}
        for key in gone:
            del self._families[key]
            self._open.pop(key, None)
        self._keys = {number: key for number, key in self._keys.items() if key not in gone}

    def _joined(self, family: _Family, trial: Trial) -> None:
        """A program of a known structure, maybe a better one."""
        if trial.fitness is None or (family.best is not None and trial.fitness <= _fitness(family)):
            return
        if family.best is None:
            family.root = trial  # the first one lost its score, so the archive has forgotten it
        family.best = trial
        self._show(family)

    def _again(self, trial: Trial) -> None:
        """A trial whose evaluation was corrected. Of others of its structure only the first and the best are known."""
        family = self._families.get(self._keys[trial.number])
        if family is None:
            return
        known = [family.best, family.root] if family.best is not None else [family.root]
        now = [trial if one.number == trial.number else one for one in (*known, trial)]
        scored = [(one.fitness, -at) for at, one in enumerate(now) if one.fitness is not None]
        family.best = now[-max(scored)[1]] if scored else None
        if trial.number == family.root.number or (family.root.fitness is None and family.best is trial):
            family.root = trial
        if family.best is not known[0] or family.root is trial:
            self._show(family)

    def _show(self, family: _Family) -> None:
        """Tell the archive again of a structure, as it is now."""
        root = family.root
        evaluation = family.best.evaluation if family.best is not None else Evaluation(status=Status.FAILED)
        program = family.best.program if family.best is not None else root.program
        self._pass_on(replace(root, evaluation=evaluation, program=program, usage=Usage()))

    def _pass_on(self, trial: Trial) -> None:
        """Tell the archive of a trial, whose parents are for it the first ones of their structures."""
        parents = [self._family_of(number) for number in trial.parents]
        known = (
            family.root.number if family else number for family, number in zip(parents, trial.parents, strict=True)
        )
        shown = replace(trial, parents=tuple(dict.fromkeys(known)))
        if shown.fitness is not None:
            self._shown.setdefault(shown.number, []).append(ref(shown))
        self.archive.tell(shown)

    def _family_of(self, number: int) -> _Family | None:
        key = self._keys.get(number)
        return self._families.get(key) if key is not None else None

    def _real(self, shown: Trial) -> Trial:
        family = self._family_of(shown.number)
        assert family is not None
        assert family.best is not None
        return family.best


def _tunable(family: _Family) -> bool:
    return not family.finished and family.best is not None


def _fitness(family: _Family) -> float:
    return -math.inf if family.best is None or family.best.fitness is None else family.best.fitness
