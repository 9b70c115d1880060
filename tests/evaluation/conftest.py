"""Evaluators in the process sandbox, the one that works everywhere; what isolates is the concern of its own tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scoring import CALL, Make, Score, living, settles

from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes import harness
from evolve.sandboxes.process import ProcessSandbox
from evolve.types import Evaluation, Program, Split


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make an evaluator from the text of evaluate.py. Afterwards no process and no folder of it is left."""
    made: list[NativeEvaluator] = []
    sandbox = ProcessSandbox()

    def evaluator(text: str = CALL, **options: Any) -> NativeEvaluator:
        folder = tmp_path / f"task{len(made)}"
        folder.mkdir()
        (folder / "evaluate.py").write_text(text)
        made.append(NativeEvaluator(sandbox=sandbox, folder=folder, **{"timeout": 20.0, **options}))
        return made[-1]

    yield evaluator
    for each in made:
        each.close()
    sandbox.close()
    assert {path.name for path in harness.home().iterdir()} <= {"harness", "lock"}
    assert settles(lambda: not living(str(harness.home())), 2)


@pytest.fixture
def score(make: Make) -> Score:
    """Score a program of one file with one evaluate.py, by default what its function `f` returns."""

    def once(program: str, text: str = CALL, *, split: Split = "search", **options: Any) -> Evaluation:
        return make(text, **options).evaluate(Program({"program.py": program.encode()}), split=split)

    return once
