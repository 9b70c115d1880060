"""What prompts say of the past: learned from `tell` alone, so that a replay knows the same."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from functools import lru_cache

from evolve.standing import Standing
from evolve.types import Program, Status, Trial

__all__ = ["Memory"]

_PARENTS = 256
_ATTEMPTS = 8
_PROGRAMS = 512
_DELETED = 200
_BROKEN = 4
_IDEAS = 12
_REPAIRABLE = {Status.FAILED, Status.INVALID, Status.TIMEOUT, Status.MEMORY, Status.OUTPUT}


class Memory:
    """Hears every trial. All that it keeps is bounded.

    `stalled` counts the trials since the best one was told; `broken` are candidates that came to no score and that
    nobody has tried to repair; `ideas` are the summaries of the trials that were the best for a while, the latest last.
    """

    def __init__(self) -> None:
        self._standing = Standing()
        self._attempts: OrderedDict[int, deque[tuple[str, str]]] = OrderedDict()
        self._programs: OrderedDict[int, tuple[Program, float | None]] = OrderedDict()
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self.broken: deque[Trial] = deque(maxlen=_BROKEN)
        self.ideas: deque[str] = deque(maxlen=_IDEAS)
        self.stalled = 0

    @property
    def best(self) -> Trial | None:
        """The best trial told so far."""
        return self._standing.best

    def tell(self, trial: Trial, note: Mapping[str, object] | None) -> None:
        """Learn of a trial; `note` is what its proposer wrote down, None for a trial of another one's."""
        self._standing.tell(trial)
        if self.best is trial:
            self.stalled = 0
            if trial.parents:
                self.ideas.append(trial.summary)
        else:
            self.stalled += 1
        parent = self._programs.get(trial.parents[0]) if trial.parents else None
        if trial.parents:
            self._attempt(trial, parent[1] if parent else None)
        if parent is not None:
            self._programs.move_to_end(trial.parents[0])
            if trial.fitness is not None and parent[1] is not None and trial.fitness > parent[1]:
                self._forget_lines(parent[0], trial.program)
        self._programs[trial.number] = trial.program, trial.fitness
        if len(self._programs) > _PROGRAMS:
            self._programs.popitem(last=False)
        if note is not None:
            repaired = note.get("repairs")
            still = [other for other in self.broken if other.number != repaired]
            self.broken = deque(still, maxlen=_BROKEN)
            if trial.evaluation.status in _REPAIRABLE and repaired is None and trial.evaluation.feedback:
                self.broken.append(trial)

    def attempts(self, number: int) -> list[dict[str, str]]:
        """What was tried on a trial's program, the oldest first."""
        return [{"summary": summary, "outcome": outcome} for summary, outcome in self._attempts.get(number, ())]

    def deleted(self, program: Program, most: int) -> list[str]:
        """Lines whose removal made a program better, and which this one does not have; the latest first."""
        have = _lines(program)
        return [line for line in reversed(self._deleted) if line not in have][:most]

    def _attempt(self, trial: Trial, before: float | None) -> None:
        parent = trial.parents[0]
        self._attempts.setdefault(parent, deque(maxlen=_ATTEMPTS)).append((trial.summary, _outcome(trial, before)))
        self._attempts.move_to_end(parent)
        if len(self._attempts) > _PARENTS:
            self._attempts.popitem(last=False)

    def _forget_lines(self, before: Program, after: Program) -> None:
        have = _lines(after)
        for line in sorted(_lines(before) - have):
            self._deleted.pop(line, None)
            self._deleted[line] = None
        for line in have & self._deleted.keys():
            del self._deleted[line]
        while len(self._deleted) > _DELETED:
            self._deleted.popitem(last=False)


def _outcome(trial: Trial, before: float | None) -> str:
    evaluation = trial.evaluation
    if evaluation.status is not Status.OK or trial.fitness is None:
        first = next((line.strip() for line in reversed(evaluation.feedback.split("\n")) if line.strip()), "")
        words = "".join(c if c.isprintable() else " " for c in first).replace("`", "'")[:120]
        return f"{evaluation.status}{f' ({words})' if words else ''}"
    score = f"score {evaluation.score:.6g}"
    if before is None:
        return score
    change = "better" if trial.fitness > before else "worse" if trial.fitness < before else "no difference"
    return f"{score}, {change}"


def _lines(program: Program) -> set[str]:
    """The lines of a program that say something."""
    return set().union(*(_lines_of(content) for content in program.files.values() if len(content) < 2**18))


@lru_cache(maxsize=64)
def _lines_of(content: bytes) -> frozenset[str]:
    # a search asks for the same few programs again and again
    return frozenset(line.strip() for line in content.decode(errors="replace").split("\n") if len(line.strip()) > 8)
