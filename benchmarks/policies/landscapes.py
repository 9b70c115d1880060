"""Landscapes on which archives can be compared in seconds: no sandbox, no model, only what makes a search hard.

A state is a tuple of numbers. `propose` makes a new one of a parent, those that it is shown, and the operator that is
wished for, or None for a program that fails, as a quarter of them do; `score` is between 0 and 1. What a landscape
hides is drawn from its seed; the archive sees scores alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

__all__ = ["LANDSCAPES", "Landscape", "State"]

State = tuple[float, ...]

_FAILING = 0.25
_WHOLE = frozenset({"rewrite", "leap"})
"""Operators that write a program anew; here both do the same."""


class Landscape(Protocol):
    """A hidden problem. `start` is the user's program."""

    start: State

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """A state made from the parent's; None for a program that fails."""

    def score(self, state: State) -> float:
        """Between 0 and 1; higher is better."""


class Bits:
    """NK: each of 40 bits adds what it and 3 others say together (Kauffman 1993). An edit turns one to three bits.

    A rewrite keeps each bit with probability 0.6.
    """

    bits, neighbours = 40, 3

    def __init__(self, seed: int) -> None:
        hidden = Random(f"bits {seed}")
        self._parts = [(at, *hidden.sample(range(self.bits), self.neighbours)) for at in range(self.bits)]
        self._table = [[hidden.random() for _ in range(2 ** (1 + self.neighbours))] for _ in range(self.bits)]
        self.start = tuple(float(hidden.random() < 0.5) for _ in range(self.bits))

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """Turn bits, or take half of them from another."""
        if dice.random() < _FAILING:
            return None
        if operator in _WHOLE:
            return tuple(bit if dice.random() < 0.6 else 1.0 - bit for bit in parent)
        if shown and (operator == "combine" or dice.random() < 0.15):
            other = dice.choice(shown)
            return tuple(mine if dice.random() < 0.5 else theirs for mine, theirs in zip(parent, other, strict=True))
        turned = dice.sample(range(self.bits), dice.choice((1, 1, 2, 3)))
        return tuple(1.0 - bit if at in turned else bit for at, bit in enumerate(parent))

    def score(self, state: State) -> float:
        """The mean of what the bits add."""
        total = 0.0
        for part, table in zip(self._parts, self._table, strict=True):
            place = 0
            for at in part:
                place = place * 2 + int(state[at])
            total += table[place]
        return total / self.bits


class Ideas:
    """Ideas with hidden prerequisites: one that comes before what it needs breaks the program, or makes it worse.

    A state says how well each of 14 ideas is done, 0 when it is absent. An edit adds an idea or does one better, by
    ever less; what is shown makes its ideas likelier. A rewrite begins with some of the ideas, done badly.
    """

    ideas = 14

    def __init__(self, seed: int) -> None:
        hidden = Random(f"ideas {seed}")
        self._needs = [
            tuple(hidden.sample(range(at), min(at, hidden.choice((0, 1, 1, 2))))) for at in range(self.ideas)
        ]
        worth = [hidden.expovariate(1.0) * (1.0 + 0.15 * at) for at in range(self.ideas)]
        self._worth = [one / sum(worth) for one in worth]
        self.start = (0.3, *[0.0] * (self.ideas - 1))

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """Add an idea, or do one better."""
        if dice.random() < _FAILING:
            return None
        if operator in _WHOLE:
            kept = {at for at in range(self.ideas) if parent[at] and dice.random() < 0.7}
            fresh = {at for at in range(self.ideas) if dice.random() < 0.1}
            return self._standing(tuple(0.3 * dice.random() * (at in kept | fresh) for at in range(self.ideas)))
        if shown and operator == "combine":
            other = dice.choice(shown)
            return self._standing(
                tuple(max(a, b) if dice.random() < 0.6 else a for a, b in zip(parent, other, strict=True))
            )
        present = [at for at in range(self.ideas) if parent[at]]
        absent = [at for at in range(self.ideas) if not parent[at]]
        hints = [at for at in absent if any(state[at] for state in shown)]
        if absent and (not present or dice.random() < 0.35):
            at = dice.choice(hints if hints and dice.random() < 0.5 else absent)
            if not all(parent[need] for need in self._needs[at]):
                return None if dice.random() < 0.7 else self._with(parent, dice.choice(present or [at]), 0.1)
            return self._with(parent, at, 0.3 * dice.random())
        at = dice.choice(present)
        return self._with(parent, at, min(1.0, max(0.05, parent[at] + dice.gauss(0.0, 0.25) * (1.05 - parent[at]))))

    def _with(self, state: State, at: int, value: float) -> State:
        return (*state[:at], value, *state[at + 1 :])

    def _standing(self, state: State) -> State:
        """Without ideas whose prerequisites are missing."""
        kept: list[float] = []
        for at, value in enumerate(state):
            kept.append(value if all(kept[need] for need in self._needs[at]) else 0.0)
        return tuple(kept)

    def score(self, state: State) -> float:
        """What its ideas are worth, by how well they are done."""
        return sum(worth * value for worth, value in zip(self._worth, state, strict=True))


class Kinds:
    """Kinds of programs, each with a hidden ceiling: what a new one scores first says little of what can become of it.

    A state is (kind, progress towards its ceiling). Edits come nearer to the ceiling by ever less. A rewrite is of
    another kind, made badly; most are no better than the user's. One edit in thirty changes the kind too.
    """

    kinds = 30

    def __init__(self, seed: int) -> None:
        hidden = Random(f"kinds {seed}")
        self._ceiling = [0.3 + 0.7 * hidden.betavariate(1.5, 3.0) for _ in range(self.kinds)]
        self._step = [0.02 + 0.1 * hidden.random() for _ in range(self.kinds)]
        ordinary = sorted(range(self.kinds), key=lambda at: self._ceiling[at])[self.kinds // 3]
        self.start: State = (float(ordinary), 0.3)

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """Come nearer, or begin with another kind."""
        if dice.random() < _FAILING:
            return None
        kind, progress = int(parent[0]), parent[1]
        if operator in _WHOLE or dice.random() < 1 / 30:
            known = {int(state[0]) for state in (parent, *shown)}
            return float(dice.choice([at for at in range(self.kinds) if at not in known])), 0.5 * dice.random()
        if shown and operator == "combine":
            other = dice.choice(shown)
            return other[0], max(0.0, 0.7 * other[1] + 0.3 * progress * dice.random())
        if dice.random() < 0.4:
            return parent[0], progress * (0.5 + 0.5 * dice.random())
        return parent[0], progress + (1.0 - progress) * self._step[kind] * dice.random()

    def score(self, state: State) -> float:
        """Its share of the ceiling."""
        return self._ceiling[int(state[0])] * state[1]


class Valleys:
    """Hills with valleys between them: what leads to the higher ones is worse at first, so a greedy search stays below.

    A state is a place in 6 dimensions, a sum of a wide slope and of ripples. An edit moves one or two coordinates; a
    rewrite moves all of them far.
    """

    dimensions = 6

    def __init__(self, seed: int) -> None:
        hidden = Random(f"valleys {seed}")
        self._peak = [hidden.uniform(-2.5, 2.5) for _ in range(self.dimensions)]
        self._waves = [hidden.uniform(2.0, 5.0) for _ in range(self.dimensions)]
        self.start = tuple(hidden.uniform(-4.0, 4.0) for _ in range(self.dimensions))

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """Move."""
        if dice.random() < _FAILING:
            return None
        if operator in _WHOLE:
            return tuple(at + dice.gauss(0.0, 2.0) for at in parent)
        if shown and (operator == "combine" or dice.random() < 0.1):
            other = dice.choice(shown)
            return tuple(mine if dice.random() < 0.5 else theirs for mine, theirs in zip(parent, other, strict=True))
        moved = dice.sample(range(self.dimensions), dice.choice((1, 1, 2)))
        far = 0.3 * math.exp(dice.gauss(0.0, 0.7))
        return tuple(value + dice.gauss(0.0, far) if at in moved else value for at, value in enumerate(parent))

    def score(self, state: State) -> float:
        """1 at the peak."""
        off = [abs(at - peak) for at, peak in zip(state, self._peak, strict=True)]
        slope = sum(one * one for one in off) / 24.0
        ripples = sum(1.0 - math.cos(wave * one) for wave, one in zip(self._waves, off, strict=True)) / 12.0
        return math.exp(-slope - 0.9 * ripples)


class Forms:
    """Forms of programs with 5 constants each: which form is good shows only when its constants are.

    A state is (form, constants). An edit changes one or two constants, one in twenty the form; a rewrite is of another
    form with other constants. No archive's settings were chosen on this one.
    """

    forms, constants = 12, 5

    def __init__(self, seed: int) -> None:
        hidden = Random(f"forms {seed}")
        self._ceiling = [0.4 + 0.6 * hidden.betavariate(1.5, 2.5) for _ in range(self.forms)]
        self._best = [[hidden.gauss(0.0, 1.0) for _ in range(self.constants)] for _ in range(self.forms)]
        ordinary = sorted(range(self.forms), key=lambda at: self._ceiling[at])[self.forms // 3]
        self.start: State = (float(ordinary), *(hidden.gauss(0.0, 1.0) for _ in range(self.constants)))

    def propose(self, parent: State, shown: Sequence[State], operator: str, dice: Random) -> State | None:
        """Change constants, or the form."""
        if dice.random() < _FAILING:
            return None
        form, *constants = parent
        if operator in _WHOLE:
            known = {state[0] for state in (parent, *shown)}
            other = dice.choice([at for at in range(self.forms) if at not in known])
            return float(other), *(dice.gauss(0.0, 1.0) for _ in constants)
        if shown and (operator == "combine" or dice.random() < 0.1):
            theirs = dice.choice(shown)[1:]
            return form, *(a if dice.random() < 0.5 else b for a, b in zip(constants, theirs, strict=True))
        if dice.random() < 0.05:
            return float(dice.randrange(self.forms)), *constants
        changed = dice.sample(range(self.constants), dice.choice((1, 1, 2)))
        far = 0.4 * math.exp(dice.gauss(0.0, 0.7))
        return form, *(one + dice.gauss(0.0, far) if at in changed else one for at, one in enumerate(constants))

    def score(self, state: State) -> float:
        """The ceiling of the form, by how near the constants are."""
        off = sum((one - best) ** 2 for one, best in zip(state[1:], self._best[int(state[0])], strict=True))
        return self._ceiling[int(state[0])] * math.exp(-off / 4.0)


LANDSCAPES: dict[str, Callable[[int], Landscape]] = {
    "bits": Bits,
    "ideas": Ideas,
    "kinds": Kinds,
    "valleys": Valleys,
    "forms": Forms,
}
