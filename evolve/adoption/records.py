"""What the controller is told and what it says: pairs, outcomes, transitions, and their form in the journal.

Only what comes from outside is an event; all else follows from it, so there is nothing that could contradict itself
after a kill. Beside the trials of the journal these are the events:

    {"event": "gate", "what": "objective", "tree": "9a0b..."}       what scores, before the first pair
    {"event": "gate", "what": "pair", "confirmation": 2, ...}       both programs of a pair were scored
    {"event": "gate", "what": "review", "number": 12, ...}          a person has answered

Seconds are not kept, but whether they were suspiciously few: so a clone knows all that was decided by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from evolve.gates.sequential import Evidence
from evolve.types import Evaluation, Json, Status

__all__ = [
    "Adopted",
    "Change",
    "Kind",
    "Outcome",
    "Pair",
    "Question",
    "Review",
    "Screened",
    "Transition",
    "decode_outcome",
    "decode_pair",
    "decode_review",
    "encode_objective",
    "encode_pair",
    "encode_review",
]

_NOTICED, _SWIFT = 0.1, 0.25
"""Seconds of an evaluation that another one's are compared with, and the share of them that is suspiciously short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two programs to be scored on the same fresh instances, with the same lease, one right after the other.

    `incumbent` and `challenger` are trial numbers; `index` counts the pairs of a confirmation from 0. `seed` (31 bits)
    is what the evaluator is given for both, and no other pair has it. An evaluation has an instance of each family of
    the gate, drawn independently of each other. `challenger_first` says who is scored first, so that neither always
    meets a machine that has just been busy.
    """

    confirmation: int
    index: int
    incumbent: int
    challenger: int
    seed: int
    challenger_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The scores of a pair in each family, in the gate's order, in [0, 1]; higher is better.

    `swift` says that the challenger's evaluation took less than a quarter of the incumbent's, which took a tenth of a
    second or more. `evaluations` is how many times a program was scored. Raises `ValueError` for scores out of range.
    """

    incumbent: tuple[float, ...]
    challenger: tuple[float, ...]
    swift: bool = False
    evaluations: int = 2

    def __post_init__(self) -> None:
        if len(self.incumbent) != len(self.challenger) or not self.incumbent:
            raise ValueError(f"a pair has as many scores of both, not {self.incumbent!r} and {self.challenger!r}")
        if wrong := [score for score in (*self.incumbent, *self.challenger) if not 0.0 <= score <= 1.0]:
            raise ValueError(f"a score in a pair is between 0 and 1, not {wrong[0]!r}")

    @staticmethod
    def of(incumbent: Evaluation, challenger: Evaluation, families: Sequence[str]) -> Outcome:
        """Of two evaluations: the scores of the instances that are named as the families are; for the one family ""
        the fitness. What failed has 0, and so has what is worse than that: nobody takes a program that is worse than
        the one that all began with. Scores above 1 are 1. A fault of the surroundings is no evaluation: both sides of
        the pair are scored again.
        """
        before, after = incumbent.cost.seconds, challenger.cost.seconds
        return Outcome(
            incumbent=_scores(incumbent, families),
            challenger=_scores(challenger, families),
            swift=before >= _NOTICED and after < _SWIFT * before,
            evaluations=incumbent.evaluations + challenger.evaluations,
        )


def _scores(evaluation: Evaluation, families: Sequence[str]) -> tuple[float, ...]:
    if evaluation.status is not Status.OK:
        return (0.0,) * len(families)
    found = evaluation.instances if tuple(families) != ("",) else {"": evaluation.fitness or 0.0}
    return tuple(min(max(found.get(family, 0.0), 0.0), 1.0) for family in families)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a challenger changes: files, and lines that are removed or added."""

    files: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """By how much a challenger is ahead on the reusable pairs, on average, with the standard error of that (None for
    less than two)."""

    pairs: int
    mean: float
    error: float | None

    @property
    def ahead(self) -> bool:
        """By more than sums are rounded."""
        return self.mean > 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """An adoption: trial `number` took the place of `before`, when `at` trials had been told, changing so many `lines`;
    `gain` is what the gate measured."""

    number: int
    before: int
    at: int
    lines: int
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What waits for a person: whether trial `number` is adopted, or whether, after what it did, adoption goes on."""

    number: int
    about: Literal["adopting", "going on"]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A person's answer about trial `number`."""

    number: int
    approve: bool
    reason: str
    by: str = ""


Kind: TypeAlias = Literal[
    "refused", "confirming", "rejected", "asked", "adopted", "promoted", "rolled back", "going on", "closed"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Something that became of a challenger, to be said and kept in a commit. `adopted` is the reference from here on,
    and `at` the highest number of a trial that had been told.

    `refused`: too large to be tried. `confirming`: frozen, and fresh instances are drawn. `rejected`: by the gate or a
    person. `asked`: a person is. `adopted`: it is the reference; with a canary, of a share of the proposals.
    `promoted`: of all. `rolled back`: the one before is the reference again. `going on`, `closed`: a person let
    adoption go on, or ended it.
    """

    kind: Kind
    number: int
    tree: str
    adopted: int
    at: int
    reasons: tuple[str, ...] = ()
    change: Change | None = None
    screened: Screened | None = None
    evidence: Evidence | None = None
    review: Review | None = None


def encode_objective(tree: str) -> dict[str, Json]:
    """The event that pins what scores: a tree id."""
    return {"event": "gate", "what": "objective", "tree": tree}


def encode_pair(pair: Pair, outcome: Outcome) -> dict[str, Json]:
    """The event of a pair that was scored."""
    return {
        "event": "gate",
        "what": "pair",
        "confirmation": pair.confirmation,
        "index": pair.index,
        "trials": [pair.incumbent, pair.challenger],
        "seed": pair.seed,
        "challenger_first": pair.challenger_first,
        "scores": [list(outcome.incumbent), list(outcome.challenger)],
        **({"swift": True} if outcome.swift else {}),
        "evaluations": outcome.evaluations,
    }


def decode_pair(event: Mapping[str, Any]) -> Pair:
    """The pair of such an event."""
    incumbent, challenger = event["trials"]
    return Pair(
        confirmation=event["confirmation"],
        index=event["index"],
        incumbent=incumbent,
        challenger=challenger,
        seed=event["seed"],
        challenger_first=event["challenger_first"],
    )


def decode_outcome(event: Mapping[str, Any]) -> Outcome:
    """The outcome of such an event. Raises `ValueError`."""
    incumbent, challenger = event["scores"]
    return Outcome(
        incumbent=tuple(incumbent),
        challenger=tuple(challenger),
        swift=event.get("swift", False),
        evaluations=event["evaluations"],
    )


def encode_review(review: Review) -> dict[str, Json]:
    """The event of a person's answer."""
    return {
        "event": "gate",
        "what": "review",
        "number": review.number,
        "approve": review.approve,
        "reason": review.reason,
        **({"by": review.by} if review.by else {}),
    }


def decode_review(event: Mapping[str, Any]) -> Review:
    """The answer of such an event."""
    return Review(number=event["number"], approve=event["approve"], reason=event["reason"], by=event.get("by", ""))
