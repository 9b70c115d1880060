"""A comparison as a figure: how the best score rises with calls, tokens, evaluations and processor time."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from evolve.bench.comparison import Comparison
from evolve.bench.runs import Array, Run
from evolve.errors import StorageError, TaskError

__all__ = ["FORMATS", "draw"]

FORMATS = (".svg", ".png", ".pdf")

_AXES = {"calls": "calls of models", "tokens": "tokens", "evaluations": "evaluations", "cpu_seconds": "CPU seconds"}
# Okabe and Ito, 2008: told apart by the colour-blind too; the order puts those that differ most first
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
_DASHES = ("-", "--", ":", "-.")
_POINTS = 100
_DECADE = 10.0
"""By how much the end has to exceed the beginning for a logarithmic axis."""
_WIDTH, _HEIGHT = 3.4, 2.8
"""Inches of one panel."""


def draw(comparison: Comparison, path: Path) -> None:
    """Draw a row of panels for each task into `path`: the inter-quartile mean and, around it, its interval of 95 %.

    A run that has ended counts on with what it found. Raises `TaskError` without matplotlib, or for a file of another
    kind than `FORMATS`, `StorageError` when the disk refuses.
    """
    if path.suffix not in FORMATS:
        raise TaskError(f"a figure is a file that ends in {', '.join(FORMATS)}, not {path.name!r}")
    try:
        figures, ticker = import_module("matplotlib.figure"), import_module("matplotlib.ticker")
    except ImportError as error:
        raise TaskError(
            "matplotlib, which draws the figure, is not installed: pip install 'evolve[bench]', or leave the figure out"
        ) from error
    tasks = [task for task in comparison.tasks if any(comparison.of(policy, task) for policy in comparison.policies)]
    size = (_WIDTH * len(_AXES), _HEIGHT * len(tasks) + 0.8)
    figure = figures.Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(tasks), len(_AXES), squeeze=False, sharey="row")
    for row, task in zip(panels, tasks, strict=True):
        for panel, (name, label) in zip(row, _AXES.items(), strict=True):
            _panel(panel, comparison, task, name)
            panel.set_xlabel(label)
            low, high = panel.dataLim.intervalx
            if high >= _DECADE * low:
                panel.set_xscale("log")
                panel.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
            panel.xaxis.set_major_formatter(ticker.FuncFormatter(_short))
            panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        row[0].set_ylabel(f"{task}\nbest score")
    handles, labels = _legend(panels)
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 5), frameon=False)
    try:
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _panel(panel: Any, comparison: Comparison, task: str, name: str) -> None:
    for at, policy in enumerate(comparison.policies):
        amounts = _amounts(comparison.of(policy, task), name)
        if not len(amounts):
            continue
        middle, low, high = comparison.progress(policy, task, name, amounts)
        colour, dash = _COLOURS[at % len(_COLOURS)], _DASHES[at // len(_COLOURS) % len(_DASHES)]
        panel.plot(amounts, middle, dash, color=colour, label=policy, drawstyle="steps-post", linewidth=1.6)
        panel.fill_between(amounts, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
    panel.grid(visible=True, alpha=0.25, linewidth=0.5)
    panel.spines[["top", "right"]].set_visible(False)


def _short(value: float, _: object) -> str:
    """1000 as 1k, 1,000,000 as 1M."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{sign}"
    return f"{value:g}"


def _amounts(runs: list[Run], name: str) -> Array:
    """Where to look at curves: evenly on a logarithmic scale, from where all have a score; none if nothing is used."""
    started = [run.used[name][np.isfinite(run.best)] for run in runs]
    if not started or not all(len(used) for used in started):
        return np.array([])
    last = max(used[-1] for used in started)
    # a logarithm knows no 0: from the first call on that any run has made
    first = max(*(used[0] for used in started), min(used[used > 0].min(initial=last) for used in started))
    return np.geomspace(first, last, _POINTS) if last > first else np.array([])


def _legend(panels: Any) -> tuple[list[Any], list[str]]:
    """Each policy once, from whichever panel has it."""
    known: dict[str, Any] = {}
    for panel in panels.flat:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    return list(known.values()), list(known)
