"""What an `evaluate.py` may import: `from evolve.evaluator import Evaluation, stage, build, compare_times`.

It is there wherever an evaluator runs, so this file imports the standard library alone.
"""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, TypeVar

__all__ = ["Evaluation", "Times", "build", "compare_times", "stage", "threshold_of"]

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__evolve_stage__"
_TICK = 1e-4  # seconds; less is not measured


@dataclass
class Evaluation:
    """What `evaluate` may return instead of a number or a dict: the same keys, by name.

    `score` is one finite number in your unit. `metrics` are further figures, `measures` numbers that describe what kind
    of program it is, `instances` scores by name, `objectives` what is optimised beside the score, `feedback` text for
    the next proposer, `artifacts` text or bytes by file name.
    """

    score: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    instances: Mapping[str, float] = field(default_factory=dict)
    objectives: Mapping[str, float] = field(default_factory=dict)
    feedback: str = ""
    artifacts: Mapping[str, str | bytes] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The keys that were given, as a dict that `evaluate` could have returned."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value not in ({}, "")}


def stage(function: Function | None = None, *, threshold: float | None = None) -> Any:
    """Make a function a stage of the evaluation. Stages run in the order in which the file defines them.

    Put cheap ones first. A program goes on to the next stage when its score in this one is at least `threshold` (at
    most, when the task minimizes); without one, any score will do.

    Raises `TypeError` when the threshold is no number.
    """
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise TypeError(f"the threshold of a stage is {threshold!r}: it is a number")

    def mark(marked: Function) -> Function:
        setattr(marked, _MARK, threshold)
        return marked

    return mark if function is None else mark(function)


@dataclass
class Times:
    """How fast a candidate's executable is beside another one. `ratio` is how many times as fast, `seconds` and
    `reference_seconds` are medians of processor time, `runs` is what `program.run` returned each time."""

    ratio: float
    seconds: float
    reference_seconds: float
    runs: list[Any]


def build(argv: Sequence[str]) -> None:
    """Build what the evaluator itself needs, such as the seed to compare with; for when the file is imported.

    Raises `RuntimeError` with what the build printed, or that it is not there.
    """
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError:
        raise RuntimeError(
            f"there is no {argv[0]} in this sandbox: install it below /usr for --sandbox bubblewrap, or name an image "
            f"that has it, as `base` in [sandbox] of task.toml"
        ) from None
    if done.returncode:
        said = done.stdout[-8000:].decode(errors="replace")
        raise RuntimeError(f"{' '.join(argv)} ended with exit code {done.returncode}:\n{said}")


def compare_times(
    program: Any,
    argv: Sequence[str],
    reference: Sequence[str],
    inputs: Sequence[bytes],
    *,
    timeout: float | None = None,
) -> Times:
    """Run `argv` of the candidate and `reference` beside this evaluator in turn, and compare how long they take.

    Both read one of `inputs` in each round, so no two of these may be alike: files that a program writes are there in
    its next run, and what it has kept there of an input costs it nothing the second time. The ratio is the median over
    the rounds of the reference's seconds over the candidate's. They are seconds of processor time, all threads and
    processes together, which what else runs on the machine hardly changes. Neither can reach the other. The first round
    is not counted; when the candidate ends with an exit code other than 0, so does this, with that run alone and ratio
    0. Look at the output of every run in `runs`, which has one for each of `inputs`: a candidate may answer right only
    when it takes its time.

    Raises `ValueError` when there are fewer than two inputs or two are the same, `program.Error` when the candidate had
    to be stopped, `RuntimeError` when the reference fails.
    """
    if len(inputs) < 2 or len(set(inputs)) < len(inputs):
        raise ValueError(
            f"compare_times needs two inputs or more, no two of them alike, and got {len(inputs)}, "
            f"{len(set(inputs))} of them different: a program may keep its answer to one that it has seen"
        )
    runs: list[Any] = []
    own: list[float] = []
    others: list[float] = []
    for data in inputs:
        others.append(_reference_seconds(reference, data))
        runs.append(program.run(argv, data, timeout=timeout))
        if runs[-1].returncode:
            return Times(0.0, 0.0, 0.0, runs[-1:])
        own.append(max(runs[-1].cpu_seconds, _TICK))
    del own[0], others[0]  # nothing was in the processor's caches yet
    return Times(median(b / a for a, b in zip(own, others, strict=True)), median(own), median(others), runs)


def _reference_seconds(argv: Sequence[str], data: bytes) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, input=data, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        said = done.stderr[-1000:].decode(errors="replace")
        raise RuntimeError(f"{argv[0]}, the reference, ended with exit code {done.returncode}: {said}")
    return max(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, _TICK)


def threshold_of(function: Callable[..., Any]) -> tuple[bool, float | None]:
    """Whether a function was made a stage, and its threshold."""
    return hasattr(function, _MARK), getattr(function, _MARK, None)
