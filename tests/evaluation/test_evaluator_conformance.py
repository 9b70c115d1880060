"""Every evaluator of ours keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from evolve.evaluation.cache import Cached
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.repeats import Race, Repeats
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.evaluators import EvaluatorSuite
from evolve.testing.fakes import FunctionEvaluator, NoisyEvaluator
from evolve.types import Evaluator, Program

EVALUATE = "def evaluate(program, split, seed):\n    return program.call('f') + seed % 7 * (split == 'search')\n"


class TestFunction(EvaluatorSuite):
    def make(self) -> Evaluator:
        return FunctionEvaluator()


class TestNoisy(EvaluatorSuite):
    def make(self) -> Evaluator:
        return NoisyEvaluator()


class TestRepeats(EvaluatorSuite):
    def make(self) -> Evaluator:
        return Repeats(NoisyEvaluator(), repeats=3)


class TestRace(EvaluatorSuite):
    def make(self) -> Evaluator:
        return Repeats(NoisyEvaluator(), race=Race(most=6))


class TestRaceDownwards(EvaluatorSuite):
    def make(self) -> Evaluator:
        return Repeats(NoisyEvaluator(sign=-1.0), race=Race(most=6), direction="minimize")


class InFolder(EvaluatorSuite):
    """With a folder that lies on the disk."""

    folder: Path

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path


class TestCachedRace(InFolder):
    def make(self) -> Evaluator:
        return Repeats(Cached(NoisyEvaluator(), self.folder, ["task"]), race=Race(most=6))


class TestNativeRace(InFolder):
    """With programs that fail."""

    def make(self) -> Evaluator:
        (self.folder / "evaluate.py").write_text(EVALUATE)
        native = NativeEvaluator(sandbox=ProcessSandbox(), folder=self.folder)
        return Repeats(native, race=Race(most=4))

    def programs(self) -> list[Program]:
        bodies = ["return 1", "return 1 / 0", "return 9", "return 'no'", "return -3"]
        return [Program({"program.py": f"def f():\n    {body}\n".encode()}) for body in bodies]
