"""The cache of evaluations: the same answers, and nothing that goes wrong with it matters."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.cache import Cached
from evolve.evaluation.repeats import Repeats
from evolve.testing.fakes import NoisyEvaluator, number_program
from evolve.types import Cost, Evaluation, Program, Split, Status

ROOT = Path(__file__).parents[2]
FULL = Evaluation(
    status=Status.OK,
    score=0.1 + 0.2,
    fitness=-(0.1 + 0.2),
    metrics={"text": "é", "list": [1, None, True], "nested": {"a": 1e300}},
    measures={"m": 1.0},
    instances={"i": 2.0},
    objectives={"o": -1.0},
    feedback="two\nlines",
    artifacts={"a/b.bin": b"\0\xff"},
    cost=Cost(seconds=1.5, cpu_seconds=1.0, memory_bytes=7),
)


class Says(NoisyEvaluator):
    """The same evaluation of every program; counts."""

    def __init__(self, evaluation: Evaluation = FULL, *, seeds: bool = True) -> None:
        super().__init__()
        self.evaluation, self.seeds = evaluation, seeds

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        self.evaluated += 1
        return self.evaluation


def cached(folder: Path, evaluator: NoisyEvaluator, identity: Sequence[str] = ("task",), most: int = 2**30) -> Cached:
    return Cached(evaluator, folder, identity, most_bytes=most)


def test_what_was_scored_is_known_by_another_process_too(tmp_path: Path) -> None:
    """To the last bit, artifacts and all; its cost is as it was measured, and marked."""
    first, second = Says(), Says()
    assert cached(tmp_path, first).evaluate(number_program(1.0)) == FULL
    known = cached(tmp_path, second).evaluate(number_program(1.0))
    assert (first.evaluated, second.evaluated) == (1, 0)
    assert known == replace(FULL, cost=replace(FULL.cost, cached=True))


def test_everything_that_a_score_depends_on_finds_it(tmp_path: Path) -> None:
    """The program, the split, the seed, and what the evaluator is."""
    evaluator = Says()
    for identity in (("task",), ("other",), ("task", "")):
        cache = cached(tmp_path, evaluator, identity)
        for program in (number_program(1.0), number_program(2.0)):
            for split in ("search", "held_out"):
                for seed in (0, 1):
                    cache.evaluate(program, split=split, seed=seed)
    assert evaluator.evaluated == 3 * 2 * 2 * 2


@pytest.mark.parametrize("status", Status)
def test_what_a_busy_machine_can_cause_is_not_kept(tmp_path: Path, status: Status) -> None:
    """A program that was too slow once may not be so the next time."""
    evaluator = Says(Evaluation(status=status))
    for _ in range(2):
        cached(tmp_path, evaluator).evaluate(number_program(1.0))
    assert evaluator.evaluated == (1 if status in {Status.OK, Status.SCREENED, Status.INVALID} else 2)


def test_a_fault_is_not_kept(tmp_path: Path) -> None:
    """It is raised, and the next try scores."""

    class Faulty(Says):
        def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
            if not self.evaluated:
                self.evaluated += 1
                raise SandboxFault("gone")
            return super().evaluate(program, split=split, seed=seed)

    cache = cached(tmp_path, Faulty())
    with pytest.raises(SandboxFault):
        cache.evaluate(number_program(1.0))
    assert cache.evaluate(number_program(1.0)) == FULL


@pytest.mark.parametrize("damage", [b"", b"\n", b"{}", b"0" * 64 + b"\n{}", b"\xff\xfe"])
def test_a_damaged_file_is_as_none(tmp_path: Path, damage: bytes) -> None:
    """It is replaced by a whole one."""
    evaluator = Says()
    cache = cached(tmp_path, evaluator)
    cache.evaluate(number_program(1.0))
    (path,) = tmp_path.glob("*/*")
    path.write_bytes(damage)
    assert cache.evaluate(number_program(1.0)) == FULL
    assert cache.evaluate(number_program(1.0)).cost.cached
    assert evaluator.evaluated == 2


def test_a_single_changed_byte_is_noticed(tmp_path: Path) -> None:
    """Wherever it is."""
    evaluator = Says()
    cache = cached(tmp_path, evaluator)
    cache.evaluate(number_program(1.0))
    (path,) = tmp_path.glob("*/*")
    whole = path.read_bytes()
    for place in range(0, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert not cache.evaluate(number_program(1.0)).cost.cached


@pytest.mark.parametrize("folder", ["/dev/full/x", "/proc/none"])
def test_a_folder_that_cannot_be_written_costs_nothing_else(folder: str) -> None:
    """Every program is scored."""
    evaluator = Says()
    for _ in range(2):
        assert cached(Path(folder), evaluator).evaluate(number_program(1.0)) == FULL
    assert evaluator.evaluated == 2


def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands for it: the write fails when it has begun."""
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(ROOT / "tests" / "evaluation")!r})
from pathlib import Path
from test_cache import FULL, Says, cached, number_program
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
assert cached(Path({str(tmp_path)!r}), Says()).evaluate(number_program(1.0)) == FULL
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_many_writers_at_once_agree(tmp_path: Path) -> None:
    """Whoever reads sees a whole evaluation, whatever the others do."""
    seen: list[Evaluation] = []

    def work() -> None:
        cache = cached(tmp_path, Says(), most=20_000)
        seen.extend(cache.evaluate(number_program(float(number % 20))) for number in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800
    assert {replace(each, cost=replace(each.cost, cached=False)) == FULL for each in seen} == {True}
    assert not list(tmp_path.rglob(".*")), "drafts are gone"


def test_what_is_not_used_goes_first(tmp_path: Path) -> None:
    """The folder stays below its limit."""
    small = cached(tmp_path, Says())
    for number in range(40):
        small.evaluate(number_program(float(number)))
    (size,) = {path.stat().st_size for path in tmp_path.glob("*/*")}
    for age, path in enumerate(sorted(tmp_path.glob("*/*"))):
        os.utime(path, (1e9 - age, 1e9 - age))
    small.evaluate(number_program(0.0))  # now it was used
    evaluator = Says()
    cached(tmp_path, evaluator, most=20 * size).evaluate(number_program(100.0))
    assert len(list(tmp_path.glob("*/*"))) <= 20
    cached(tmp_path, evaluator).evaluate(number_program(0.0))
    assert evaluator.evaluated == 1, "what was used last is still there"


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    """Nobody else on the machine."""
    cached(tmp_path / "evaluations", Says()).evaluate(number_program(1.0))
    for path in (tmp_path / "evaluations").glob("*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_repeats_without_a_seed_cannot_be_cached(tmp_path: Path) -> None:
    """They would all be the first one, and the noise would be gone from sight."""
    with pytest.raises(TaskError, match="take `cache` or `repeats` out"):
        Repeats(cached(tmp_path, Says(seeds=False)), repeats=2).evaluate(number_program(1.0))
    assert Repeats(cached(tmp_path, Says()), repeats=2).evaluate(number_program(1.0)).evaluations == 2
