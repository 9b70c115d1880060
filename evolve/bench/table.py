"""A comparison as a page of Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from evolve.bench.comparison import Comparison, Estimate, Line
from evolve.bench.frozen import without_code
from evolve.bench.rows import TOTALS

__all__ = ["as_markdown"]

_MILESTONES = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_PARTS = (1, 2, 4, 5, 10, 20)
_ALL = "all tasks"

_SUMMARY = """\
Scores are inter-quartile means over runs. Calls to a threshold are medians by Kaplan and Meier: a run that did not get
there counts as one that did not, up to its last call. Intervals are of 95 %, by bootstrap, with tasks as strata. Runs
of equal task and seed are pairs: "won against {base}" is the share of them with the better score, a tie counting half.
p is of Wilcoxon's signed-rank test of the scores, and of the sign test of who was first at the threshold: exact,
two-sided, adjusted by Holm over all tests of this table."""


def as_markdown(comparison: Comparison) -> str:
    """What was found: one table that says who is ahead, and below it how the scores rose, what runs took, and what
    there is to know of the data. Of runs that have all failed, that alone."""
    if not comparison.runs:
        return (
            "\n\n".join(["# Comparison", "Every run failed, so there is nothing to compare.", *_failed(comparison)])
            + "\n"
        )
    sections = [
        ["# Comparison", *_warnings(comparison)],
        _summary(comparison),
        ["## After so many calls", "The inter-quartile mean of the best score.", _table(*_progress(comparison))],
        [
            "## One long run, or the best of several short ones",
            "The expected best score of k runs with 1/k of the calls each.",
            _table(*_several(comparison)),
        ],
        ["## What a run took", "Medians of whole runs.", _table(*_took(comparison))],
    ]
    return "\n\n".join(part for section in sections for part in section) + "\n"


def _summary(comparison: Comparison) -> list[str]:
    base = comparison.baseline
    head = [
        "task",
        "policy",
        "runs",
        "score",
        "calls to threshold",
        "reached it",
        f"won against {base}",
        "p, score",
        "p, calls",
    ]
    rows = [_summary_row(task or _ALL, line) for task in [*comparison.tasks, None] for line in comparison.lines(task)]
    notes = [_SUMMARY.format(base=base), *(_note(comparison, task) for task in comparison.tasks)]
    if comparison.lines(None):
        notes.append(
            "Of all tasks, a score of 0 is the seed program and 1 the best that any run of these data has found."
        )
    return [_table(head, rows), *notes]


def _note(comparison: Comparison, task: str) -> str:
    threshold = _number(comparison.signs[task] * comparison.thresholds[task])
    better = "lower" if comparison.signs[task] < 0 else "higher"
    return (
        f"`{task}`: scores after {comparison.horizons[task]:g} calls; {better} is better; the threshold is {threshold}."
    )


def _summary_row(task: str, line: Line) -> list[str]:
    failed = f" + {line.failed} failed" if line.failed else ""
    versus = line.versus
    return [
        task,
        line.policy,
        f"{line.runs}{failed}",
        _estimate(line.score),
        "" if line.calls is None else _calls(line.calls, line.given),
        f"{line.reached} of {line.runs}",
        "" if versus is None else f"{versus.share:.0%} of {versus.pairs}",
        "" if versus is None else _p(versus.score),
        "" if versus is None else _p(versus.calls),
    ]


def _progress(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    longest = max(comparison.horizons.values())
    marks = [mark for mark in _MILESTONES if mark < longest]
    rows = []
    for task in comparison.tasks:
        end = comparison.horizons[task]
        for policy in _present(comparison, task):
            amounts = np.array([*(mark for mark in marks if mark < end), end])
            means = comparison.progress(policy, task, "calls", amounts)[0]
            cells = [_number(mean) for mean in means[:-1]]
            rows.append([task, policy, *cells, *[""] * (len(marks) - len(cells)), _number(means[-1])])
    return ["task", "policy", *map(str, marks), "all calls"], rows


def _several(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    rows = []
    for task in comparison.tasks:
        for policy in _present(comparison, task):
            found = [comparison.split(policy, task, parts) for parts in _PARTS]
            if any(value is not None for value in found[1:]):
                rows.append([task, policy, *("" if value is None else _number(value) for value in found)])
    return ["task", "policy", *(f"k = {parts}" for parts in _PARTS)], rows


def _took(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    rows = []
    for task in comparison.tasks:
        for policy in _present(comparison, task):
            runs = comparison.of(policy, task)
            totals = [float(np.median([run.total(name) for run in runs])) for name in TOTALS]
            rows.append(
                [task, policy, *(f"{total:.0f}" for total in totals[:3]), *(f"{total:.1f}" for total in totals[3:])]
            )
    return ["task", "policy", "calls", "tokens", "evaluations", "CPU seconds", "seconds"], rows


def _present(comparison: Comparison, task: str) -> list[str]:
    return [policy for policy in comparison.policies if comparison.of(policy, task)]


def _warnings(comparison: Comparison) -> Iterator[str]:
    """What a reader has to know before the numbers."""
    models = sorted({run.model for run in comparison.runs} - {""})
    if len({without_code(model) for model in models}) > 1:
        yield "**Not the same model was asked everywhere, so who is ahead says little:** " + "; ".join(models) + "."
    elif models:
        yield f"Asked was {'; '.join(models)}."
    yield f"Searchers: {', '.join(sorted({run.searcher for run in comparison.runs}))}."
    yield from _failed(comparison)


def _failed(comparison: Comparison) -> Iterator[str]:
    for run in comparison.failed:
        yield f"**Failed:** {run.policy} on {run.task}, seed {run.seed}: {' '.join(run.message.split())}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "Nothing to show."
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *map(_escaped, rows)])


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]


def _estimate(estimate: Estimate) -> str:
    return f"{_number(estimate.value)} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _calls(estimate: Estimate, given: float) -> str:
    value, low, high = (
        f"{calls:.0f}" if math.isfinite(calls) else f"> {given:.0f}"
        for calls in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def _number(value: float) -> str:
    return f"{value:.5g}" if math.isfinite(value) else "none"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
