"""Improve: scores a scaffold by what its proposals do for other tasks.

An instance is a task, a seed and a lease: a search of a handful of proposals from the task's seed program, in memory.
The best program of it is scored once more on the task's held-out instances, and the instance's score is how much of the
way from the seed's score to the best one known it has gone: 0 for nothing, 1 for all of it, below 0 when what looked
better is worse.

All that is drawn comes from the split, the seed, and the names of the tasks, so two scaffolds that are scored with the
same seed have met the same instances, under the same leases: their scores are a pair.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from evolve.errors import ModelFault, SandboxFault, TaskError
from evolve.evaluation.scorer import Scorer
from evolve.fingerprint import fingerprint
from evolve.regions import Regions
from evolve.standing import Standing
from evolve.types import (
    Archive,
    Context,
    Cost,
    Evaluation,
    Model,
    Program,
    Proposer,
    Reply,
    Request,
    Split,
    Status,
    Trial,
    Usage,
)
from evolve.words import quantity

__all__ = ["Downstream", "Improve", "LeasedProposer", "Relay"]

Relay: TypeAlias = Callable[[Model, Request], Reply]

_SAMPLE, _PROPOSE = 0, 1
_NOTHING = Usage()
_REASONS = 3  # of rejected proposals, in the feedback on one task
_REASON = 300  # characters of each


class LeasedProposer(Proposer, Protocol):
    """A proposer that one lease serves."""

    @property
    def used(self) -> Usage:
        """What is spent of the lease."""

    def close(self) -> None:
        """End what was started; all is settled then."""


@dataclass(frozen=True, kw_only=True)
class Downstream:
    """A task that scaffolds are tried on.

    `evaluator` scores its programs, and is closed by `Improve`. `best_known` is a fitness: higher is better. `proposer`
    makes a proposer of a scaffold, for this task and under a lease of so many calls.
    """

    name: str
    seed: Program
    regions: Regions
    evaluator: Scorer
    best_known: float
    proposer: Callable[[Program, int], LeasedProposer]


class Improve:
    """Scores scaffolds by searches that they do.

    Args:
        tasks: those that steer; `held_out` are those of reports, and never the same instances: without any, they are
            the same tasks with other seeds.
        relay: how models are asked for the search of that key: each search has a key of its own, the same each time.
        archive: makes what remembers the programs of one search.
        smoke: what speaks against a scaffold before anything is spent on it, "" when nothing does. Who has passed once
            is not asked again.
        calls: of models, for one search; it makes as many proposals at most.
        each: searches of one task, which differ in their seeds.
        staged: only a scaffold that can be used on the first task is tried on the others.
        on_close: closes what the tasks' proposers share.

    Raises `ValueError` without a task, or when two have the same name.
    """

    splits: tuple[Split, ...] = ("search", "held_out")
    seeds = True

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        tasks: Sequence[Downstream],
        *,
        relay: Callable[[int], Relay],
        archive: Callable[[], Archive],
        held_out: Sequence[Downstream] = (),
        smoke: Callable[[Program], str] = lambda _: "",
        calls: int = 8,
        each: int = 1,
        staged: bool = False,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        names = [task.name for task in (*tasks, *held_out)]
        if not tasks or len(set(names)) != len(names):
            raise ValueError(f"tasks are at least one, and each once: {names}")
        self._tasks: dict[Split, Sequence[Downstream]] = {"search": tasks, "held_out": held_out or tasks}
        self._relay, self._archive, self._smoke = relay, archive, smoke
        self._calls, self._each, self._staged = calls, each, staged
        self._on_close = on_close
        self._sound: set[str] = set()
        self._closed = threading.Event()
        self._starts: dict[tuple[str, Split, int], float] = {}

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """The mean over the instances of this split and seed; its instances are named after the tasks.

        A scaffold none of whose proposals could be used has failed. Raises `BudgetSpent` and `Fault`, of which nothing
        is a score, and `TaskError` when a task cannot be searched.
        """
        begun = time.monotonic()
        if program.tree not in self._sound:
            if problem := self._smoke(program):
                return _failed(problem, begun)
            self._sound.add(program.tree)
            begun = time.monotonic()
        searches: list[_Search] = []
        for task in self._tasks[split]:
            for number in range(self._each):
                label = f"{split} {seed} {task.name} {number}"
                searches.append(self._searched(program, task, label))
            if self._staged and not any(search.usable for search in searches):
                break
        feedback = "\n".join(search.told for search in searches) if split == "search" else ""
        if not any(search.usable for search in searches):
            return _failed(feedback or "no proposal of it could be used", begun)
        gains = {search.name if self._each > 1 else search.task.name: search.gain for search in searches}
        score = math.fsum(gains.values()) / len(gains)
        used = sum((search.used for search in searches), _NOTHING)
        return Evaluation(
            status=Status.OK,
            score=score,
            fitness=score,
            instances=gains,
            metrics={
                "calls": used.calls,
                "tokens": used.input_tokens + used.output_tokens,
                "nanodollars": used.nanodollars,
                **({"evaluations": used.evaluations} if used.evaluations else {}),
                "proposals": sum(search.outcomes.total() for search in searches),
                "usable": sum(search.usable for search in searches),
            },
            feedback=feedback,
            cost=Cost(seconds=time.monotonic() - begun),
        )

    def tell(self, trial: Trial) -> None:
        """Nothing is learned: a score depends on the scaffold, the split, the seed, and what models answer."""

    def close(self) -> None:
        """End the searches that are under way, and close the tasks' evaluators. May be called twice."""
        self._closed.set()
        with ExitStack() as last:  # each, whatever becomes of the others
            for tasks in self._tasks.values():
                for task in tasks:
                    last.callback(task.evaluator.close)
            last.callback(self._on_close)

    def _searched(self, program: Program, task: Downstream, label: str) -> _Search:
        """One search, to its end."""
        entropy = int.from_bytes(hashlib.blake2b(label.encode(), digest_size=7).digest())
        key = int.from_bytes(hashlib.blake2b(f"{program.tree} {label}".encode(), digest_size=7).digest())
        search = _Search(task, label.rpartition(" ")[2], entropy, self._archive(), self._start(task, "search", entropy))
        relay = self._relay(key)
        with _faults(), closing(task.proposer(program, self._calls)) as proposer:
            proposer.tell(search.seed)
            for number in range(1, self._calls + 1):
                if self._closed.is_set():
                    raise SandboxFault("the evaluator is closed")
                if proposer.used.calls >= self._calls or search.hangs:
                    break
                search.step(number, proposer, relay)
            search.used = proposer.used
        search.gain = self._gain(search)
        return search

    def _gain(self, search: _Search) -> float:
        """How much of the way to the best that is known the search has gone, between -1 and 1."""
        best, task = search.best, search.task
        if best.number == 0:
            return 0.0
        split: Split = "held_out" if "held_out" in task.evaluator.splits else "search"
        start = self._start(task, split, search.entropy)
        end = best.fitness if split == "search" else self._evaluated(task, best.program, split, search.entropy).fitness
        if end is None:
            return -1.0
        return max(-1.0, min(1.0, (end - start) / (task.best_known - start)))

    def _start(self, task: Downstream, split: Split, entropy: int) -> float:
        """The fitness of a task's own seed. Raises `TaskError` when there is none, or nothing is better."""
        key = (task.name, split, entropy if task.evaluator.seeds else 0)
        if key not in self._starts:
            evaluation = self._evaluated(task, task.seed, split, entropy)
            if evaluation.fitness is None:
                raise TaskError(
                    f"{task.name} cannot be searched by a scaffold: its seed has no score on {split} instances "
                    f"({evaluation.status}: {evaluation.feedback[:500]})"
                )
            if evaluation.fitness >= task.best_known:
                raise TaskError(
                    f"{task.name} tells no scaffold from another: its seed is as good as what is best known; "
                    f"start from a simpler program, or correct best_known"
                )
            self._starts[key] = evaluation.fitness
        return self._starts[key]

    @staticmethod
    def _evaluated(task: Downstream, program: Program, split: Split, entropy: int) -> Evaluation:
        return task.evaluator.evaluate(program, split=split, seed=_seed(task, entropy))


@dataclass
class _Search:
    """One search in memory: the contract of the loop, without journal, lineage and threads."""

    task: Downstream
    which: str
    entropy: int
    archive: Archive
    start: float
    gain: float = 0.0
    used: Usage = _NOTHING
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        known = Evaluation(status=Status.OK, score=self.start, fitness=self.start)
        self.seed = Trial(
            number=0, program=self.task.seed, parents=(), operator="seed", summary="Seed program", evaluation=known
        )
        # prompts say which proposal of a search they are for: searches that differ in their seed alone differ in that,
        # and it tells nothing of what else is drawn from the seed
        self._first = (
            int.from_bytes(hashlib.blake2b(f"number {self.entropy}".encode(), digest_size=8).digest()) % 10_000
        )
        self._turn = threading.Lock()
        self._standing = Standing()
        self._seen = {fingerprint(self.task.seed): 0}
        self._told(self.seed)

    @property
    def name(self) -> str:
        """Of the instance, where a task has several."""
        return f"{self.task.name}-{self.which}"

    @property
    def usable(self) -> int:
        """How many proposals could be used: one that finds what there was already is none that is broken."""
        return self.outcomes["ok"] + self.outcomes["duplicate"]

    @property
    def hangs(self) -> bool:
        """Whether a proposal was stopped for its time: the others would be, too, and each as late."""
        return self.trials[-1].note.get("outcome") == "timeout"

    @property
    def best(self) -> Trial:
        """The best so far."""
        best = self._standing.best
        assert best is not None
        return best

    @property
    def told(self) -> str:
        """What a proposer of scaffolds may want to know."""
        counted = ", ".join(f"{number} {outcome}" for outcome, number in self.outcomes.most_common())
        spent = quantity(self.used.calls, "call")
        if self.used.evaluations:
            spent += f" and {quantity(self.used.evaluations, 'evaluation')} that it asked for"
        lines = [f"{self.name}: {self.gain:.4f} of the way to the best known, in {spent}: {counted}"]
        return "\n".join([*lines, *(f"  {reason}" for reason in self.reasons)])

    def step(self, number: int, proposer: Proposer, relay: Relay) -> None:
        """One proposal, scored and told."""
        number += self._first
        selection = self.archive.sample(np.random.default_rng((self.entropy, number, _SAMPLE)))
        rng = np.random.default_rng((self.entropy, number, _PROPOSE))
        context = Context(number, rng, relay=relay, evaluate=self._evaluate)
        proposal = proposer.plan(selection, context)()
        program = proposal.program
        if problem := proposal.rejected or self.task.regions.problem(program):
            program = next(trial.program for trial in self.trials if trial.number == proposal.parents[0])
            self._reject(problem)
            evaluation = Evaluation(status=Status.REJECTED, feedback=problem)
        elif self._seen.setdefault(identity := fingerprint(program), number) != number:
            feedback = f"the same program as trial {self._seen[identity]}"
            evaluation = Evaluation(status=Status.DUPLICATE, feedback=feedback)
        else:
            evaluation = self._evaluate(program)
        trial = Trial(
            number=number,
            program=program,
            parents=proposal.parents,
            operator=proposal.operator,
            summary=proposal.summary,
            evaluation=evaluation,
            note=proposal.note,
            duplicate_of=self._seen[identity] if evaluation.status is Status.DUPLICATE else None,
        )
        self.outcomes[str(evaluation.status)] += 1
        self._told(trial)
        proposer.tell(trial)

    def _evaluate(self, program: Program) -> Evaluation:
        """For a trial, or for a proposal that asks, perhaps on many threads: one at a time, as all of a search is."""
        with self._turn:
            return self.task.evaluator.evaluate(program, seed=_seed(self.task, self.entropy))

    def _told(self, trial: Trial) -> None:
        self.trials.append(trial)
        self._standing.tell(trial)
        self.archive.tell(trial)

    def _reject(self, problem: str) -> None:
        last = problem.strip().rpartition("\n")[2]  # of a traceback, what was wrong
        short = " ".join(last[:_REASON].split())
        if len(self.reasons) < _REASONS and short not in self.reasons:
            self.reasons.append(short)


def _seed(task: Downstream, entropy: int) -> int:
    """What the evaluator of a task is told to tell repeats apart, where it listens."""
    return entropy % 2**31 if task.evaluator.seeds else 0


@contextmanager
def _faults() -> Iterator[None]:
    """No answer is a fault of the surroundings here, never a trial without one: what it would say is of no scaffold."""
    try:
        yield
    except ModelFault as fault:
        raise ModelFault(str(fault), sent=False) from fault


def _failed(feedback: str, begun: float) -> Evaluation:
    return Evaluation(status=Status.FAILED, feedback=feedback, cost=Cost(seconds=time.monotonic() - begun))
