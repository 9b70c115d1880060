"""LLM: language models propose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from evolve.proposers._dice import Dice
from evolve.proposers._ensemble import Arm, Bandit
from evolve.proposers._material import EXAMPLE, fitting, material, prompt_bytes
from evolve.proposers._memory import Memory
from evolve.proposers._outcome import Outcome
from evolve.proposers._patch import Patch, apply_answer
from evolve.proposers._prompts import Prompts, read_prompts
from evolve.proposers._summary import summary_of
from evolve.regions import Regions
from evolve.types import Context, Json, Model, Plan, Program, Proposal, Reply, Request, Selection, Trial

__all__ = ["LLM", "OPERATORS", "Ensemble", "count_answers"]

Ensemble: TypeAlias = Literal["weights", "bandit"]

OPERATORS: Mapping[str, float] = {"edit": 0.5, "rewrite": 0.2, "combine": 0.15, "repair": 0.15, "leap": 0.3}
"""How often each is asked for, where it applies: `combine` when there is a second program, `repair` when a candidate
came to no score, `leap` when the search stalls."""

_UNTRIED = {"refusal": "refused", "filtered": "filtered"}
_REMEMBERED = 20_000
"""Characters of a failed answer that are sent back with the reason."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What was decided for one proposal: whom to ask what, on which program the answer is put."""

    model: Model
    operator: str
    base: Trial
    parents: tuple[int, ...]
    request: Request


class LLM:
    """Shows a language model a program and what became of it, and makes what it answers a change.

    An answer that cannot be applied is sent back once, with the reason; what cannot be applied then is rejected. The
    note of a trial holds `model`, `operator` and `outcome`, `first` when it took a second try, and `repairs`, the
    number of the trial that it mends. `room` is how many bytes the messages of a first try may have, unless task and
    program alone have more.

    Args:
        regions: what may change.
        models: (model, weight) pairs, at least one.
        templates: the prompts by name; by default those that come with the package.
        task: what the task's author says of it.
        direction: whether higher or lower scores are better.
        operators: how often each operator is asked for, where it applies; weights, 0 for never.
        ensemble: whether models and operators are drawn by weight, or by what they have gained for their cost.
        prompt_tokens: the most tokens of a prompt, roughly.
        max_tokens: the most tokens of an answer, what a model thinks in secret included.
        retries: how often an answer that cannot be applied is sent back.
        patience: trials without a new best one after which the search stalls.

    Raises `ValueError` without a model or an operator, `TaskError` for a template that is none.
    """

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        regions: Regions,
        models: Sequence[tuple[Model, float]],
        *,
        templates: Mapping[str, str] | None = None,
        task: str = "",
        direction: str = "maximize",
        operators: Mapping[str, float] = OPERATORS,
        ensemble: Ensemble = "weights",
        prompt_tokens: int = 16_000,
        max_tokens: int = 16_384,
        retries: int = 1,
        patience: int = 25,
    ) -> None:
        if not models or any(weight <= 0 for _, weight in models):
            raise ValueError("there is no model to ask, or one with a weight that is not above 0")
        if unknown := sorted(operators.keys() - OPERATORS.keys()):
            raise ValueError(f"there is no operator {unknown[0]!r}; there are {', '.join(OPERATORS)}")
        if operators.get("edit", 0) + operators.get("rewrite", 0) <= 0:
            raise ValueError("edit or rewrite needs a weight above 0: the others do not always apply")
        self._regions = regions
        self._models = {model.name: model for model, _ in models}
        self._weights = [(weight, model.name) for model, weight in models]
        self._prompts = Prompts(read_prompts() if templates is None else templates)
        self._values = {"task": task.strip(), "direction": direction}
        self._operators = dict(operators)
        self._bandit = Bandit() if ensemble == "bandit" else None
        self._prompt_tokens, self._max_tokens = prompt_tokens, max_tokens
        self._retries, self._patience = retries, patience
        self._memory = Memory()
        self._system = self._prompts.render("system", self._values)
        self.room = prompt_bytes(prompt_tokens) + len(self._system.encode())
        for name in (*OPERATORS, "retry"):
            self._prompts.render(name, {**EXAMPLE, **self._values})

    def plan(self, selection: Selection, context: Context) -> Plan:
        """Choose a model and an operator, and write the prompt."""
        parent = selection.parents[0]
        if not any(self._regions.spans(parent.program, path) for path in self._regions.paths(parent.program)):
            reason = "no text of the program may change"
            return partial(_proposal, parent, (parent.number,), "edit", parent.program, "no change", rejected=reason)
        dice = Dice(context.rng)
        partner = _partner(selection, dice)
        # several trials are in flight, and none knows of the others: each candidate is offered to every fourth of them,
        # so that few repair the same one
        broken = [other for other in self._memory.broken if (other.number + context.number) % 4 == 0]
        model, operator = self._draw(self._applicable(partner, broken, selection.operator), dice)
        chosen = selection
        if operator == "repair":
            chosen = Selection(parents=(dice.pick(broken),), inspirations=(*selection.parents, *selection.inspirations))
        ask = self._ask(model, operator, chosen, partner if operator == "combine" else None, context.number)
        return partial(self._work, ask, context)

    def tell(self, trial: Trial) -> None:
        """Remember what was tried, what came of it, and what it cost."""
        model = trial.note.get("model")
        note = trial.note if isinstance(model, str) and model in self._models and "outcome" in trial.note else None
        self._memory.tell(trial, note)
        if self._bandit is not None:
            self._bandit.tell(trial, note)

    def _applicable(self, partner: Trial | None, broken: Sequence[Trial], wished: str) -> list[tuple[float, str]]:
        """The operators that there is material for; the one alone that the archive wishes for, if it is one of them."""
        applies = {
            "combine": partner is not None,
            "repair": bool(broken),
            "leap": wished == "leap" or self._memory.stalled >= self._patience,
        }
        weights = self._operators.items()
        found = [(weight, name) for name, weight in weights if weight > 0 and applies.get(name, True)]
        return [(weight, name) for weight, name in found if name == wished] or found

    def _draw(self, operators: Sequence[tuple[float, str]], dice: Dice) -> Arm:
        if self._bandit is None:
            return dice.weighted(self._weights), dice.weighted(operators)
        arms = [(w * v, (model, operator)) for w, model in self._weights for v, operator in operators]
        return self._bandit.draw(arms, dice)

    def _ask(self, model: str, operator: str, chosen: Selection, partner: Trial | None, number: int) -> _Ask:
        base = chosen.parents[0]
        parents = (base.number,) if partner is None else (base.number, partner.number)
        values = {**material(chosen, partner, self._memory, self._regions), **self._values, "number": number}

        def render(values: dict[str, Any]) -> str:
            return self._prompts.render(operator, values)

        prompt = fitting(values, self._regions, base.program, self._prompt_tokens, render)
        messages = (("system", self._system), ("user", prompt))
        request = Request(messages=messages, max_tokens=self._max_tokens)
        return _Ask(self._models[model], operator, base, parents, request)

    def _work(self, ask: _Ask, context: Context) -> Proposal:
        request = ask.request
        outcomes: list[str] = []
        for left in range(self._retries, -1, -1):
            reply = context.ask(ask.model, request)
            if reply.finish in _UNTRIED:
                outcomes.append(_UNTRIED[reply.finish])
                patch = Patch(Outcome.NO_CODE, f"the answer was {outcomes[-1]}")
                break
            patch = apply_answer(reply.text, ask.base.program, self._regions, cut=reply.finish == "length")
            outcomes.append(str(patch.outcome))
            if patch.program is not None or not left:
                break
            request = self._again(request, reply, patch)
        note: dict[str, Json] = {"model": ask.model.name, "operator": ask.operator, "outcome": outcomes[-1]}
        if len(outcomes) > 1:
            note["first"] = outcomes[0]
        if ask.operator == "repair":
            note["repairs"] = ask.base.number
        program = patch.program if patch.program is not None else ask.base.program
        summary = summary_of(reply.text, ask.base.program, program)
        rejected = "" if patch.program is not None else f"{outcomes[-1]}: {patch.message}"
        return _proposal(ask.base, ask.parents, ask.operator, program, summary, note=note, rejected=rejected)

    def _again(self, request: Request, reply: Reply, patch: Patch) -> Request:
        said = reply.text if len(reply.text) <= _REMEMBERED else reply.text[:_REMEMBERED] + "\n[cut here]"
        problem = self._prompts.render("retry", {"problem": patch.message, **self._values})
        # the service refuses a message without a word
        messages = (*request.messages, ("assistant", said if said.strip() else "(nothing)"), ("user", problem))
        return Request(messages=messages, max_tokens=request.max_tokens, temperature=request.temperature)


def count_answers(trials: Iterable[Trial]) -> Counter[str]:
    """How often models' answers came to each outcome, first and second tries alike, by the notes of trials."""
    found: Counter[str] = Counter()
    for trial in trials:
        if "model" in trial.note:
            found.update(str(trial.note[key]) for key in ("first", "outcome") if key in trial.note)
    return found


def _partner(selection: Selection, dice: Dice) -> Trial | None:
    """Another program to combine the first parent with: a second parent before an inspiration."""
    first = selection.parents[0]
    for offered in (selection.parents[1:], selection.inspirations):
        if others := [trial for trial in offered if trial.program.tree != first.program.tree]:
            return dice.pick(others)
    return None


def _proposal(
    base: Trial,
    parents: tuple[int, ...],
    operator: str,
    program: Program,
    summary: str,
    *,
    note: Mapping[str, Json] | None = None,
    rejected: str = "",
) -> Proposal:
    return Proposal(
        program=base.program if rejected else program,
        parents=parents,
        operator=operator,
        summary=summary,
        note=note or {},
        rejected=rejected,
    )
