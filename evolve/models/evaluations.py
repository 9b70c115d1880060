"""Evaluations that a proposal asks for, kept as what it asks models: reserved before, in the transcript, found there.

To the meter an evaluator is a model that costs evaluations and no money. So the budget is as exact as for calls, a run
that was killed finds what was scored before, and a replay scores nothing. What was lost in a kill is scored again: the
time of this machine is all that it took.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from evolve.journal import decode_evaluation, encode_changes, encode_evaluation
from evolve.types import Evaluation, Model, Program, Reply, Request, Usage

__all__ = ["ONE", "evaluating", "files_hash"]

ONE = Usage(evaluations=1)
"""What one evaluation takes."""


def files_hash(files: Mapping[str, str | None]) -> str:
    """32 hexadecimal digits that differ for files to be evaluated that differ."""
    return hashlib.blake2b(json.dumps(files, sort_keys=True).encode(), digest_size=16).hexdigest()


def evaluating(
    relay: Callable[[Model, Request], Reply], score: Callable[[Program], Evaluation], base: Program
) -> Callable[[Program], Evaluation]:
    """How a proposal has a program evaluated: `Context.evaluate`.

    `relay` is the meter's for its trial. The transcript has the program as what changes of `base`.
    """

    def evaluate(program: Program) -> Evaluation:
        said = {"tree": program.tree, "changes": encode_changes(base, program)}
        if program.executables:
            said["executables"] = sorted(program.executables)
        request = Request(messages=(("program", json.dumps(said)),), max_tokens=0)
        return decode_evaluation(json.loads(relay(_Evaluator(program, score), request).text))

    return evaluate


class _Evaluator:
    """A model whose answer is the evaluation of one program."""

    name = "evaluator"

    def __init__(self, program: Program, score: Callable[[Program], Evaluation]) -> None:
        self._program, self._score = program, score

    def complete(self, request: Request) -> Reply:  # noqa: ARG002 - the protocol's: the program is what it says
        """Raises as `score` does."""
        said = json.dumps(encode_evaluation(self._score(self._program)))
        return Reply(text=said, finish="stop", model=self.name, usage=ONE)

    def most(self, request: Request) -> Usage:  # noqa: ARG002 - the protocol's
        """One evaluation."""
        return ONE

    def close(self) -> None:
        """Nothing was started."""
