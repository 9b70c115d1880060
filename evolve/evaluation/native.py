"""The native evaluator: a task folder whose `evaluate.py` has `def evaluate(program)`, or `(program, split)`.

Three parties: this engine; the user's evaluator with the hidden data, in one session; the candidate, in another. The
engine passes frames between the two and never looks into the values. A score is taken from the evaluator alone, with
the nonce of the request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.candidates import CandidateGone, Candidates
from evolve.evaluation.pair import Pair, Request, TaskFiles, Times, probe
from evolve.evaluation.result import stopped
from evolve.evaluation.rules import Rules
from evolve.types import Cost, Evaluation, Limits, Program, Sandbox, Split, Trial

__all__ = ["EVALUATOR_LIMITS", "NativeEvaluator"]

EVALUATOR_LIMITS = Limits(memory_bytes=4 * 2**30, processes=256, disk_bytes=4 * 2**30, open_files=1024)
"""Of an evaluator, unless others are given; its replies are bounded as the program's are."""

_USUAL = Limits()
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class NativeEvaluator:
    """Scores programs with the functions of `folder / entry`, which runs in `sandbox` as the program does.

    `rules` say how programs are made ready and results are taken. `timeout` is for a whole evaluation, `call_timeout`
    for a call that names none, `build_timeout` for the build before it, in seconds by the clock; `cpu_timeout` is for
    the processor time of one call. `extra` are files that the evaluator finds beside its own. `limits` are the
    program's, `evaluator_limits` the evaluator's. May be used by several threads at once: each gets its own pair of
    sessions, made on demand and kept. A candidate's session is replaced after `recycle` programs, and at once after one
    that was killed for memory, left something, broke the protocol or did something to its harness; with `strict`, after
    every program.

    Raises `TaskError` when there is no such folder or file, `ValueError` when `recycle` is less than 1.
    """

    def __init__(  # noqa: PLR0913 - the settings of this class, all but two optional
        self,
        *,
        sandbox: Sandbox,
        folder: Path,
        entry: str = "evaluate.py",
        rules: Rules | None = None,
        timeout: float = 60.0,
        call_timeout: float = 10.0,
        build_timeout: float = 60.0,
        cpu_timeout: float | None = None,
        extra: Mapping[str, bytes] = _NOTHING,
        limits: Limits = _USUAL,
        evaluator_limits: Limits | None = None,
        recycle: int = 500,
        strict: bool = False,
    ) -> None:
        if recycle < 1:
            raise ValueError(f"recycle is {recycle}: a session runs at least 1 program")
        if not (folder / entry).is_file():
            raise TaskError(
                f"{folder / entry} does not exist: write it with a function evaluate(program) that returns the score"
            )
        self._sandbox = sandbox
        self._task = TaskFiles(folder, entry, extra)
        self._rules = rules or Rules()
        self._times = Times(evaluation=timeout, call=call_timeout, cpu=cpu_timeout, build=build_timeout)
        self._limits = limits
        self._candidates = Candidates(sandbox, limits, 1 if strict else recycle)
        self._evaluator_limits = evaluator_limits or replace(EVALUATOR_LIMITS, reply_bytes=limits.reply_bytes)
        self._lock = threading.Lock()
        self._all: set[Pair] = set()
        self._idle: list[Pair] = []
        self._closed = False

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits that `evaluate` knows. Starts the evaluator to find out; raises as `evaluate` does."""
        with self._known() as pair:
            return ("search", "held_out") if pair.splits else ("search",)

    @property
    def seeds(self) -> bool:
        """Whether `evaluate` takes a seed, so that repeats differ. Raises as `splits` does."""
        with self._known() as pair:
            return pair.seeds

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the evaluator's stages, in order. Raises as `splits` does."""
        with self._known() as pair:
            return pair.stages

    def evaluate(
        self, program: Program, *, split: Split = "search", seed: int = 0, stage: str | None = None
    ) -> Evaluation:
        """Score a program, in all stages or in one.

        Raises `SandboxFault` when a sandbox failed, and `TaskError` when `evaluate.py` cannot be used, or has no such
        split or stage. A program that ends its own supervisor, which only the process sandbox lets it, looks like a
        sandbox that failed: so it is tried once more, and when that ends in the same way while the sandbox is well, it
        has failed.
        """
        request = Request(split, seed, stage)
        for last in (False, True):
            try:
                return self._evaluate(program, request, fresh=last)
            except CandidateGone as gone:
                if last:
                    probe(self._sandbox, self._limits)
                    return stopped("failed", f"the program ended the process that watches it ({gone})", cost=Cost())
        raise AssertionError

    def tell(self, trial: Trial) -> None:
        """Nothing is learned: a score depends on the program alone."""

    @contextmanager
    def _known(self) -> Iterator[Pair]:
        """A pair that has loaded the task."""
        pair = self._take()
        try:
            yield pair
        finally:
            self._give(pair)

    def _evaluate(self, program: Program, request: Request, *, fresh: bool) -> Evaluation:
        pair = self._take()
        well = False
        try:
            evaluation = pair.evaluate(program, request, fresh=fresh)
            well = not pair.doubtful
        finally:
            if well:
                self._give(pair)
            else:
                self._drop(pair)
        return evaluation

    def close(self) -> None:
        """End every session; an evaluation that is going on raises `SandboxFault`. May be called twice."""
        with self._lock:
            self._closed = True
            pairs = list(self._all)
            self._idle.clear()
        for pair in pairs:
            self._drop(pair)
        self._candidates.close()

    def _take(self) -> Pair:
        with self._lock:
            if self._closed:
                raise SandboxFault("the evaluator is closed")
            if self._idle:
                return self._idle.pop()
        pair = Pair(self._sandbox, self._candidates, self._evaluator_limits, self._times, self._rules)
        with self._lock:
            self._all.add(pair)
            closed = self._closed
        loaded = False
        try:
            if not closed:
                pair.load(self._task)
                loaded = True
        finally:
            if not loaded:
                self._drop(pair)
        if closed:
            raise SandboxFault("the evaluator is closed")
        return pair

    def _give(self, pair: Pair) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(pair)
                return
        self._drop(pair)

    def _drop(self, pair: Pair) -> None:
        pair.close()
        with self._lock:
            self._all.discard(pair)
