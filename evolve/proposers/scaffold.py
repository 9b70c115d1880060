"""ScaffoldProposer: a program proposes, in a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from evolve.errors import EvolveError
from evolve.models.gateway import Lease
from evolve.models.gateway_chat import Refusal
from evolve.proposers._dice import Dice
from evolve.proposers._material import judged, material
from evolve.proposers._memory import Memory
from evolve.proposers._outcome import Outcome, Refused
from evolve.proposers._patch import accepted
from evolve.proposers._summary import summary_of
from evolve.regions import Regions
from evolve.rooms import Rooms
from evolve.scaffolds import REFERENCE, Scaffold, ScaffoldFailed
from evolve.types import (
    Context,
    Evaluation,
    Json,
    Limits,
    Model,
    Plan,
    Program,
    Proposal,
    Reply,
    Request,
    Sandbox,
    Selection,
    Trial,
    Usage,
)

__all__ = ["ScaffoldProposer", "changed", "drawn", "lease_of"]

_REPAIRS = 0.15
"""How often a candidate that came to no score is given to be mended, when there is one."""
_USUAL = Limits()
_MOST_FILES = 10_000
_SHOWN = 2_000  # characters of what is said of a failure
_SECONDS = 6 * 3600.0  # of a lease: a service may be down for a while, and a search waits for it
_TOKENS = 100_000  # of one call
_NANODOLLARS = 10 * 10**9  # of one call


def lease_of(calls: int, models: Sequence[Model], evaluations: int = 0) -> Lease:
    """A lease of so many calls on these models, and evaluations. It bounds one scaffold; money is the run's to do."""
    return Lease(
        calls=calls,
        tokens=calls * _TOKENS,
        nanodollars=calls * _NANODOLLARS,
        seconds=_SECONDS,
        models=tuple(model.name for model in models),
        evaluations=evaluations,
    )


class ScaffoldProposer:
    """Has a scaffold propose: `propose(parent, context)` of its module `scaffold`, which gives paths -> text.

    Each proposal is made by a process of its own, with a lease of `calls` calls and so many `evaluations`; with `whole`
    one session and one lease serve all of them, one after another, until `close`. What the scaffold returns is checked
    as every other answer is, and so is what it has evaluated. Whatever it does wrong makes a proposal that is rejected
    for it.

    The note of a trial holds `scaffold`, the first digits of its tree id, `outcome`, `model`, the one that answered
    last, `repairs`, the number of the trial that it mends, and `reference`, the number of the trial that `adopted`
    gave.

    Args:
        regions: what may change.
        models: (model, weight) pairs, at least one. A scaffold draws among their names, each as often as its weight.
        program: the scaffold.
        adopted: of a search for scaffolds, the trial whose program proposes the trial of a number, in the place of
            `program`; it is asked when a proposal is planned.
        sandbox: where it runs, in a session for each lease; or rooms of one, which are shared. The caller closes it.
        task: what the task's author says of it.
        direction: whether higher or lower scores are better.
        max_tokens: the most tokens of an answer.
        seconds: of processor time, for a proposal; see `Scaffold`.
        limits: of its sessions, where it is given no rooms.
    """

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        regions: Regions,
        models: Sequence[tuple[Model, float]],
        *,
        program: Program,
        sandbox: Sandbox | Rooms,
        adopted: Callable[[int], Trial] | None = None,
        task: str = "",
        direction: str = "maximize",
        calls: int = 8,
        evaluations: int = 0,
        max_tokens: int = 16_384,
        seconds: float = 60.0,
        limits: Limits = _USUAL,
        whole: bool = False,
    ) -> None:
        if not models or any(weight <= 0 for _, weight in models):
            raise ValueError("there is no model to ask, or one with a weight that is not above 0")
        self._regions, self._program, self._adopted = regions, program, adopted
        self._rooms = Rooms.of(sandbox, limits)
        self._models = [model for model, _ in models]
        self._names = drawn([(model.name, weight) for model, weight in models])
        said = {"task": task.strip(), "direction": direction}
        self._values = {**said, "max_tokens": max_tokens, "evaluations": evaluations}
        self._lease = lease_of(calls, self._models, evaluations)
        self._seconds = seconds
        self._memory = Memory()
        self._whole = whole
        self._kept: Scaffold | None = None

    def plan(self, selection: Selection, context: Context) -> Plan:
        """Decide what the scaffold is told."""
        base = selection.parents[0]
        if not any(self._regions.spans(base.program, path) for path in self._regions.paths(base.program)):
            reason = "no text of the program may change"
            return partial(_proposal, base, base.program, "no change", {}, rejected=reason)
        dice = Dice(context.rng)
        # as for the built-in proposer: trials in flight know nothing of each other, and are not all to mend the same
        broken = [other for other in self._memory.broken if (other.number + context.number) % 4 == 0]
        wished = selection.operator
        repairs = bool(broken) and (wished == "repair" or (not wished and dice.chance(_REPAIRS)))
        if repairs:
            others = (*selection.parents, *selection.inspirations)
            selection = Selection(parents=(dice.pick(broken),), inspirations=others, operator="repair")
        parent, told = self._told(selection, context.number)
        program, note = self._program, {"repairs": selection.parents[0].number} if repairs else {}
        if self._adopted is not None:
            reference = self._adopted(context.number)
            program, note[REFERENCE] = reference.program, reference.number
        told["seed"] = dice.below(2**31)
        return partial(self._work, selection.parents[0], parent, told, program, note, context)

    def tell(self, trial: Trial) -> None:
        """Remember what was tried and what came of it."""
        self._memory.tell(trial, trial.note if "scaffold" in trial.note else None)

    @property
    def used(self) -> Usage:
        """What is spent of the lease that serves all."""
        return self._kept.used if self._kept is not None else Usage()

    def close(self) -> None:
        """End the session that serves all, if there is one. May be called twice."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _told(self, selection: Selection, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The two arguments of `propose`, but for the seed: nothing of the held-out split, and no artifact."""
        values = material(selection, None, self._memory, self._regions)
        del values["lessons"], values["partner"]
        parent, best = _plain(values.pop("parent")), values.pop("best")
        return parent, {
            **values,
            **self._values,
            "best": _plain(best),
            "inspirations": [_plain(other) for other in values["inspirations"]],
            "number": number,
            "stalled": self._memory.stalled,
            "models": self._names,
            "operator": selection.operator,
        }

    def _work(
        self,
        base: Trial,
        parent: Mapping[str, Any],
        told: Mapping[str, Any],
        proposer: Program,
        numbers: Mapping[str, int],
        context: Context,
    ) -> Proposal:
        note: dict[str, Json] = {"scaffold": proposer.tree[:12], **numbers}
        program, rejected = base.program, ""
        scaffold = self._opened(proposer, context.relay)
        try:
            evaluate = partial(self._evaluated, base.program, context.evaluate)
            returned = scaffold.call("propose", dict(parent), dict(told), evaluate=evaluate)
            program = changed(returned, base.program, self._regions, "propose")
            note["outcome"] = str(Outcome.APPLIED)
        except ScaffoldFailed as failure:
            note["outcome"], rejected = failure.kind, f"the scaffold {failure.kind}: {_short(str(failure))}"
        except Refused as refused:
            note["outcome"], rejected = str(refused.outcome), f"{refused.outcome}: {refused.message}"
        except EvolveError:
            self.close()
            raise
        finally:
            if not self._whole:
                scaffold.close()
        model, said = scaffold.said
        if model:
            note["model"] = model
        return _proposal(base, program, summary_of(said, base.program, program), note, rejected=rejected)

    def _evaluated(
        self, base: Program, evaluate: Callable[[Program], Evaluation], files: Mapping[str, str | None]
    ) -> Mapping[str, Any]:
        """What a program would score that the scaffold did not propose yet, as it is told of any. Raises `Refusal`."""
        try:
            program = changed(files, base, self._regions, "evaluate")
        except Refused as refused:
            problem = f"{refused.outcome}: {refused.message}"
            raise Refusal(400, "invalid_value", _short(problem), param="files") from None
        return judged(evaluate(program))

    def _opened(self, program: Program, ask: Callable[[Model, Request], Reply]) -> Scaffold:
        if self._kept is not None:
            return self._kept
        made = Scaffold(program, self._rooms, self._models, self._lease, ask=ask, seconds=self._seconds)
        if self._whole:
            self._kept = made
        return made


def drawn(weights: Sequence[tuple[str, float]]) -> list[str]:
    """Names, each as often as its weight says: of two with the weights 1 and 3 the second one three times."""
    least = min(weight for _, weight in weights)
    return [name for name, weight in weights for _ in range(min(20, round(weight / least)))]


def _plain(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A program as a scaffold is told of it: its files are paths -> text."""
    return {**shown, "files": {file["path"]: file["text"] for file in shown["files"]}}


def changed(returned: object, parent: Program, regions: Regions, function: str) -> Program:
    """The program that the scaffold means. Raises `Refused`."""
    wanted = f"{function}() returns a dict: path -> text of a file that changes, or None for one that goes"
    if not isinstance(returned, dict) or len(returned) > _MOST_FILES:
        raise Refused(Outcome.MALFORMED, f"{wanted}; it returned {_kind(returned)}")
    changes: dict[str, bytes | None] = {}
    for path, content in returned.items():
        if not isinstance(content, str | bytes | None):
            raise Refused(Outcome.MALFORMED, f"{wanted}; for {path!r:.100} it returned {_kind(content)}")
        changes[path] = content.encode(errors="replace") if isinstance(content, str) else content
    try:
        program = parent.replace(changes)
    except ValueError as error:
        raise Refused(Outcome.BAD_FILE, str(error)) from None
    return accepted(program, parent, regions)


def _kind(value: object) -> str:
    return f"{len(value)} entries" if isinstance(value, dict) else f"a value of type {type(value).__name__!r}"


def _short(text: str) -> str:
    """The end of what was said of a failure, where a traceback says what it was."""
    return text if len(text) <= _SHOWN else f"...{text[-_SHOWN:]}"


def _proposal(base: Trial, program: Program, summary: str, note: Mapping[str, Json], *, rejected: str) -> Proposal:
    return Proposal(
        program=base.program if rejected else program,
        parents=(base.number,),
        operator="scaffold",
        summary=summary,
        note=note,
        rejected=rejected,
    )
