"""Most: what a run can never pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolve.types import Usage

__all__ = ["Most", "most_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """What a run can never pass, None where no limit holds it. Calls whose answers are lost come on top, but for limits
    on calls, tokens and dollars, which hold whatever happens; evaluations are those of the budget, without reports."""

    trials: int | None
    evaluations: int | None
    calls: int | None
    tokens: int | None
    nanodollars: int | None


def most_of(limits: Mapping[str, Any], places: Sequence[Sequence[Usage]], seed: int, evaluations: int | None) -> Most:
    """`places` are the worst of a proposal's first call, of its second one ..., by model; the `seed` takes so many
    evaluations, and a trial `evaluations` at most, None where nothing bounds them."""
    trials = limits.get("trials")

    def bound(name: str, each: int | None, before: int = 0) -> int | None:
        bounds = [limits.get(name), None if trials is None or each is None else before + trials * each]
        return min((bound for bound in bounds if bound is not None), default=None)

    def calls(of: Callable[[Usage], int]) -> int:
        return sum(max(map(of, place)) for place in places)

    return Most(
        trials=trials,
        evaluations=bound("evaluations", evaluations, seed),
        calls=bound("calls", calls(lambda usage: usage.calls)),
        tokens=bound("tokens", calls(lambda usage: usage.input_tokens + usage.output_tokens)),
        nanodollars=bound("nanodollars", calls(lambda usage: usage.nanodollars)),
    )
