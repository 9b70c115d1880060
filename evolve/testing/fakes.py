"""Small honest implementations of the protocols, for tests and benchmarks: nothing is patched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from evolve.types import Context, Evaluation, Plan, Program, Proposal, Selection, Split, Status, Trial

__all__ = ["FunctionEvaluator", "Noise", "NoisyEvaluator", "NumberProposer", "normal", "number_program", "number_score"]

Noise: TypeAlias = Callable[[np.random.Generator], float]
"""Draws the noise of one evaluation; its mean is 0."""


def number_program(value: float, padding: int = 20) -> Program:
    """A program of one file that sets `x`, with `padding` further lines so that it has an honest size."""
    lines = [f"x = {value!r}", *(f"unused_{i} = {i}" for i in range(padding))]
    return Program({"program.py": ("\n".join(lines) + "\n").encode()})


def number_score(program: Program) -> float:
    """The score of a `number_program`: how near `x` is to 3."""
    value = float(program.text("program.py").split("\n", 1)[0].removeprefix("x = "))
    return -abs(value - 3.0)


class NumberProposer:
    """Moves `x` of a `number_program` by a normal step; remembers how many trials it was told of."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def plan(self, selection: Selection, context: Context) -> Plan:
        """A new value near the parent's."""
        return partial(self.propose, selection, context)

    def propose(self, selection: Selection, context: Context) -> Proposal:
        """What comes of a plan; for proposers that differ from this one in it."""
        parent = selection.parents[0]
        first, rest = parent.program.text("program.py").split("\n", 1)
        value = float(first.removeprefix("x = ")) + float(context.rng.normal())
        program = parent.program.replace({"program.py": f"x = {value!r}\n{rest}".encode()})
        return Proposal(program=program, parents=(parent.number,), operator="number", summary=f"set x to {value:.3g}")

    def tell(self, trial: Trial) -> None:
        """Remember the number."""
        self.told.append(trial.number)


def normal(generator: np.random.Generator) -> float:
    """Standard normal noise."""
    return float(generator.normal())


class NoisyEvaluator:
    """Scores programs with a function of yours and noise, which depends on the program and the seed alone.

    `hardness` is the noise that all programs share, as of instances that are drawn by the seed. `evaluated` counts.
    """

    splits: tuple[Split, ...] = ("search", "held_out")
    seeds = True

    def __init__(
        self,
        truth: Callable[[Program], float] = number_score,
        noise: Noise = normal,
        *,
        hardness: float = 0.0,
        sign: float = 1.0,
    ) -> None:
        self.truth, self.noise = truth, noise
        self.hardness, self.sign = hardness, sign
        self.evaluated = 0

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """The truth, in the direction of `sign`, and noise."""
        self.evaluated += 1
        kind = len(split)
        generator = np.random.default_rng((seed, kind, int(program.tree[:12], 16)))
        fitness = self.truth(program) + self.noise(generator)
        fitness += self.hardness * float(np.random.default_rng((seed, kind)).normal())
        return Evaluation(status=Status.OK, score=self.sign * fitness, fitness=fitness)

    def tell(self, trial: Trial) -> None:
        """Nothing is learned."""

    def close(self) -> None:
        """There is nothing to end."""


class FunctionEvaluator:
    """Scores programs in this process with a function of yours, which may return an `Evaluation` or raise a `Fault`."""

    def __init__(self, function: Callable[[Program], float | Evaluation] = number_score) -> None:
        self.function = function
        self.evaluated: list[str] = []
        self.told: list[int] = []
        self.closed = False

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:  # noqa: ARG002 - the protocol's
        """What the function says. Held-out scores differ from search scores by a fixed amount for each program."""
        self.evaluated.append(program.tree)
        result = self.function(program)
        if isinstance(result, Evaluation):
            return result
        if split == "held_out":
            result -= int(hashlib.sha256(program.tree.encode()).hexdigest()[:4], 16) / 1e6
        return Evaluation(status=Status.OK, score=result, fitness=result)

    def tell(self, trial: Trial) -> None:
        """Remember the number."""
        self.told.append(trial.number)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
