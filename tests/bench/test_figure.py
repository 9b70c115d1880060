"""The figure: what is drawn, and what is said when it cannot be."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from evolve.bench.comparison import Comparison
from evolve.bench.figure import draw
from evolve.bench.runs import runs_of
from evolve.errors import StorageError, TaskError

MakeRun = Callable[..., pd.DataFrame]

needs_matplotlib = pytest.mark.skipif(
    find_spec("matplotlib") is None and os.environ.get("CI") != "true", reason="matplotlib is not installed"
)


@pytest.fixture
def comparison(make_run: MakeRun) -> Comparison:
    """Two policies on two tasks, and one that asks nobody."""
    tables = [
        make_run(policy, seed, [1.0, 1.0 + seed, 2.0 + seed], task=task)
        for policy in ("greedy", "wide")
        for task in ("sine", "cosine")
        for seed in range(3)
    ]
    tables += [make_run("free", seed, [1.0, 4.0], calls=0, tokens=0, budget=None) for seed in range(3)]
    return Comparison(runs_of(pd.concat(tables)))


@needs_matplotlib
def test_each_policy_is_drawn_once_in_the_legend(comparison: Comparison, tmp_path: Path) -> None:
    """An SVG with the names of policies, tasks and axes, and the same one again for the same data."""
    draw(comparison, tmp_path / "one.svg")
    text = (tmp_path / "one.svg").read_text()
    comments = re.findall(r"<!-- (.*?) -->", text)
    for name in ("greedy", "wide", "free"):
        assert comments.count(name) == 1
    for name in ("calls of models", "tokens", "evaluations", "CPU seconds"):
        assert comments.count(name) == 2
    assert {"sine", "cosine"} <= {line.strip() for comment in comments for line in comment.split("\\n")} | set(comments)


@needs_matplotlib
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_it_can_be_of_other_kinds(suffix: str, magic: bytes, comparison: Comparison, tmp_path: Path) -> None:
    """By the name of the file."""
    path = tmp_path / f"figure{suffix}"
    draw(comparison, path)
    assert path.read_bytes().startswith(magic)


@needs_matplotlib
def test_a_disk_that_refuses_is_said(comparison: Comparison, tmp_path: Path) -> None:
    """With the file's name."""
    with pytest.raises(StorageError, match=r"cannot write .*none/figure\.svg"):
        draw(comparison, tmp_path / "none" / "figure.svg")


def test_another_kind_of_file_is_refused(comparison: Comparison, tmp_path: Path) -> None:
    """And the kinds that there are, are named."""
    with pytest.raises(TaskError, match=r"ends in \.svg, \.png, \.pdf, not 'figure\.txt'"):
        draw(comparison, tmp_path / "figure.txt")
