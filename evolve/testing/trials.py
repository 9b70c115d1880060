"""Trials made by hand, and a small search in this process: enough to exercise archives and proposers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from evolve.fingerprint import fingerprint
from evolve.types import Archive, Context, Evaluation, Json, Program, Proposal, Proposer, Selection, Status, Trial

__all__ = ["Story", "ask", "selection", "told", "trial"]


def trial(
    number: int,
    program: Program | str,
    fitness: float | None = 0.0,
    *,
    operator: str = "seed",
    note: Mapping[str, Json] | None = None,
) -> Trial:
    """A trial with this fitness, or a failed one when it is None. Text becomes a program of one file, program.py."""
    if isinstance(program, str):
        program = Program({"program.py": program.encode()})
    evaluation = (
        Evaluation(status=Status.FAILED)
        if fitness is None
        else Evaluation(status=Status.OK, score=fitness, fitness=fitness)
    )
    parents = (0,) if number else ()
    return Trial(
        number=number,
        program=program,
        parents=parents,
        operator=operator,
        summary="by hand",
        evaluation=evaluation,
        note=note or {},
    )


def selection(first: Trial, *inspirations: Trial) -> Selection:
    """One parent, and inspirations."""
    return Selection(parents=(first,), inspirations=inspirations)


def ask(number: int, seed: int = 0, attempt: int = 0) -> Context:
    """The context of a trial to be, with random numbers of its own."""
    return Context(number, np.random.default_rng((seed, number, attempt)), attempt)


def told(number: int, proposal: Proposal, fitness: float | None, lane: str = "") -> Trial:
    """The trial that comes of a proposal."""
    status = Status.REJECTED if proposal.rejected else Status.FAILED if fitness is None else Status.OK
    known = fitness if status is Status.OK else None
    return Trial(
        number=number,
        program=proposal.program,
        parents=proposal.parents,
        operator=proposal.operator,
        summary=proposal.summary,
        evaluation=Evaluation(status=status, score=known, fitness=known),
        usage=proposal.usage,
        note=proposal.note,
        lane=lane,
    )


@dataclass
class Story:
    """A search, one trial after the other, with a function of yours as evaluator: None means that a program failed.

    It does what the loop does, but for journal, lineage and budget: duplicates are drawn again, at most `attempts`
    times. `trials` are those told, in order.
    """

    seed_program: Program
    archive: Archive
    proposer: Proposer
    score: Callable[[Program], float | None]
    seed: int = 0
    attempts: int = 8
    trials: list[Trial] = field(default_factory=list)
    _seen: dict[bytes, int] = field(default_factory=dict)

    def run(self, trials: int) -> Trial:
        """Go on until this many trials were told, the seed among them. Gives the best one, of equals the first."""
        if not self.trials:
            self._seen[fingerprint(self.seed_program)] = 0
            self._tell(trial(0, self.seed_program, self.score(self.seed_program)))
        while len(self.trials) < trials:
            number = len(self.trials)
            chosen = self.archive.sample(np.random.default_rng((self.seed, number, 0)))
            self._tell(self._trial(number, chosen))
        return max(self.trials, key=lambda t: -np.inf if t.fitness is None else t.fitness)

    def _trial(self, number: int, chosen: Selection) -> Trial:
        for attempt in range(self.attempts):
            context = Context(number, np.random.default_rng((self.seed, number, 1, attempt)), attempt)
            proposal = self.proposer.plan(chosen, context)()
            identity = b"" if proposal.rejected else fingerprint(proposal.program)
            if identity not in self._seen:
                break
        earlier = self._seen.get(identity)
        if proposal.rejected:
            return told(number, proposal, None, chosen.lane)
        if earlier is None:
            self._seen[identity] = number
            return told(number, proposal, self.score(proposal.program), chosen.lane)
        duplicate = told(number, proposal, None, chosen.lane)
        return Trial(
            number=number,
            program=duplicate.program,
            parents=duplicate.parents,
            operator=duplicate.operator,
            summary=duplicate.summary,
            evaluation=Evaluation(status=Status.DUPLICATE),
            note=duplicate.note,
            lane=duplicate.lane,
            duplicate_of=earlier,
        )

    def _tell(self, trial: Trial) -> None:
        self.trials.append(trial)
        self.archive.tell(trial)
        self.proposer.tell(trial)
