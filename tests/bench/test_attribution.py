"""Attribution: rounds of three evaluations on the same instances, and what is said of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from evolve.bench.attributed import attributed
from evolve.bench.attribution import ARMS, Attribution, arms, freeze, read_rounds
from evolve.bench.lock import locked
from evolve.errors import BudgetSpent, RunDamaged, RunLocked, SandboxFault, TaskError
from evolve.types import Cost, Evaluation, Program, Split, Status, Trial

OLD = Program({"scaffold.py": b"FACTOR = 1\n"})
NEW = Program({"scaffold.py": b"FACTOR = 2\n"})
FAMILIES = ("cut", "sat")

Score = Callable[[str, int, str], float]
"""Of an arm, with a seed, in a family."""


def luck(*said: object) -> float:
    """A number from 0 to 1 that follows from what is said."""
    return int(hashlib.sha256(repr(said).encode()).hexdigest()[:8], 16) / 2**32


@dataclass
class Scorer:
    """Scores scaffolds by a function; `asked` are (arm, split, seed), in order."""

    score: Score
    fails_after: int | None = None
    fault: Exception = field(default_factory=lambda: SandboxFault("the sandbox is broken"))

    def __post_init__(self) -> None:
        self.names = {program.tree: arm for arm, program in arms(OLD, NEW).items()}
        self.asked: list[tuple[str, str, int]] = []
        self.closed = False
        self._turn = threading.Lock()

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """As the function says."""
        arm = self.names[program.tree]
        with self._turn:
            if self.fails_after is not None and len(self.asked) >= self.fails_after:
                raise self.fault
            self.asked.append((arm, split, seed))
        instances = {family: self.score(arm, seed, family) for family in FAMILIES}
        mean = sum(instances.values()) / 2
        metrics = {"calls": 6, "tokens": 100, "nanodollars": 7}
        cost = Cost(seconds=1.5)
        return Evaluation(
            status=Status.OK, score=mean, fitness=mean, instances=instances, metrics=metrics, cost=cost
        )  # fmt: skip

    def tell(self, trial: Trial) -> None:
        """Nothing is learned."""

    def close(self) -> None:
        """Nothing was started."""
        self.closed = True


def noisy(gain: float, noise: float) -> Score:
    """New is better by `gain`; every scaffold has luck of its own on top."""
    return lambda arm, seed, family: 0.4 + gain * (arm == "new") + noise * (luck(arm, seed, family) - 0.5)


def made(folder: Path, scorer: Scorer, rounds: int = 20, workers: int = 1) -> pd.DataFrame:
    assert Attribution(folder, arms(OLD, NEW), scorer, families=FAMILIES, workers=workers).make(rounds) is None
    return read_rounds(folder)


def test_a_round_is_the_same_instances_for_all_in_a_drawn_order(tmp_path: Path) -> None:
    """Old, new and sham with one seed, one right after the other, which no other round has; none is always first."""
    scorer = Scorer(noisy(0.1, 0.1))
    rows = made(tmp_path, scorer)
    rounds = [scorer.asked[at : at + 3] for at in range(0, 60, 3)]
    assert all(sorted(arm for arm, *_ in part) == sorted(ARMS) for part in rounds)
    assert all(len({seed for *_, seed in part}) == 1 for part in rounds)
    assert len({part[0][2] for part in rounds}) == 20
    assert {part[0][0] for part in rounds} == set(ARMS)
    assert len(rows) == 20 * 3 * len(FAMILIES)
    first = rows[rows["round"] == 0].drop_duplicates("arm").sort_values("place")
    assert first["arm"].tolist() == [arm for arm, *_ in rounds[0]]
    assert (first["calls"], first["seconds"])[0].tolist() == [6, 6, 6]


def test_rounds_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    """After a fault, too, when what has ended is kept; with more rounds only those are made that lack."""
    scorer = Scorer(noisy(0.1, 0.1), fails_after=7)
    with pytest.raises(SandboxFault):
        made(tmp_path, scorer, 5)
    assert scorer.closed
    assert read_rounds(tmp_path)["round"].unique().tolist() == [0, 1]
    again = Scorer(noisy(0.1, 0.1))
    rows = made(tmp_path, again, 5, workers=3)
    assert len(again.asked) == 9
    whole = made(tmp_path / "whole", Scorer(noisy(0.1, 0.1)), 5)
    pd.testing.assert_frame_equal(rows, whole)
    made(tmp_path, again, 6)
    assert len(again.asked) == 12


def test_a_budget_that_is_spent_ends_it_with_what_there_is(tmp_path: Path) -> None:
    """Whole rounds, and nothing of the one in which it ended."""
    scorer = Scorer(noisy(0.1, 0.1), fails_after=10, fault=BudgetSpent("no calls are left", "calls"))
    ended = Attribution(tmp_path, arms(OLD, NEW), scorer, families=FAMILIES).make(8)
    assert isinstance(ended, BudgetSpent)
    assert read_rounds(tmp_path)["round"].unique().tolist() == [0, 1, 2]


def test_a_true_gain_is_larger_than_the_shams(tmp_path: Path) -> None:
    """Also where luck is as large; and the sham has none."""
    found = attributed(made(tmp_path, Scorer(noisy(0.25, 0.3))))
    gain, luck_of_sham, beyond = (contrast.ahead for contrast in found.contrasts)
    assert found.verdict == "larger"
    assert gain.low < gain.value < gain.high
    assert gain.value == pytest.approx(0.25, abs=0.1)
    assert beyond.low > 0
    assert luck_of_sham.low <= 0 <= luck_of_sham.high
    assert found.contrasts[0].p < 0.01
    assert found.words.startswith("The gain is larger than a sham edit's: new is ahead of it by +0.")
    assert found.used["new"] == {"calls": 6, "tokens": 100, "nanodollars": 7, "evaluations": 0, "seconds": 1.5}
    assert found.families.keys() == set(FAMILIES)
    assert attributed(read_rounds(tmp_path)) == found


def test_an_edit_that_is_worth_nothing_is_told_so(tmp_path: Path) -> None:
    """Of twenty such, whose luck differs, at most a few are said to be better."""
    said = []
    for number in range(20):

        def score(arm: str, seed: int, family: str, number: int = number) -> float:
            return 0.4 + 0.3 * (luck(number, arm, seed, family) - 0.5)

        said.append(attributed(made(tmp_path / str(number), Scorer(score), 10)))
    verdicts = [found.verdict for found in said]
    assert verdicts.count("larger") <= 2
    assert verdicts.count("not larger") >= 15
    words = next(found.words for found in said if found.verdict == "not larger")
    assert "not larger than a sham edit's" in words
    assert "So many rounds show what is above 0." in words


def test_a_gain_that_the_sham_has_too_is_none(tmp_path: Path) -> None:
    """Whatever raises both, such as being another program than the one that was tuned for."""
    found = attributed(made(tmp_path, Scorer(lambda arm, seed, _: 0.2 + 0.3 * (arm != "old") + 0.1 * luck(arm, seed))))
    assert found.contrasts[0].ahead.low > 0
    assert found.verdict == "not larger"
    assert "The sham itself differs from old" in found.words


def test_what_is_worse_is_told(tmp_path: Path) -> None:
    """And too few rounds are no reason to say anything."""
    assert attributed(made(tmp_path / "a", Scorer(noisy(-0.2, 0.1)))).verdict == "smaller"
    few = attributed(made(tmp_path / "b", Scorer(noisy(0.3, 0.0)), 4))
    assert few.verdict == "too few"
    assert few.words == "Nothing can be said of 4 rounds: make at least 5."


def test_intervals_of_differences_keep_rounds_together(tmp_path: Path) -> None:
    """What makes all three fare alike, as a hard instance does, makes no difference wider."""

    def score(arm: str, seed: int, family: str) -> float:
        return 0.1 + 0.6 * luck(seed, family) + 0.1 * (arm == "new")

    gain = attributed(made(tmp_path, Scorer(score))).contrasts[0].ahead
    assert (gain.value, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))


def test_scores_are_those_that_the_gate_counts(tmp_path: Path) -> None:
    """From 0 to 1: what is worse than the task's seed is no worse than nothing."""
    rows = made(tmp_path, Scorer(lambda arm, _, family: {"old": -0.5, "new": 0.5, "sham": 1.5}[arm]), 1)
    assert rows.groupby("arm")["score"].first().to_dict() == {"old": 0.0, "new": 0.5, "sham": 1.0}


def test_a_folder_holds_one_comparison(tmp_path: Path) -> None:
    """Of the same scaffolds, instances and models, by one process at a time; a damaged file is named."""
    freeze(tmp_path, {"split": "search", "seed": 1})
    freeze(tmp_path, {"split": "search", "seed": 1})
    with pytest.raises(TaskError, match="another comparison, of other seed: take a new folder"):
        freeze(tmp_path, {"split": "search", "seed": 2})
    with locked(tmp_path), pytest.raises(RunLocked, match="another process"), locked(tmp_path):
        raise AssertionError
    made(tmp_path, Scorer(noisy(0.1, 0.1)), 1)
    (tmp_path / "rounds" / "0000.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunDamaged, match=r"0000\.parquet"):
        read_rounds(tmp_path)
    (tmp_path / "attribution.json").write_text("{")
    with pytest.raises(RunDamaged, match=r"attribution\.json is no JSON"):
        freeze(tmp_path, {})


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Such as that of a run, or of a scaffold; what a killed process left of its own is no such thing."""
    (tmp_path / "lock").touch()
    (tmp_path / "attribution.77").write_text("{")
    freeze(tmp_path, {"seed": 1})
    other = tmp_path / "other"
    other.mkdir()
    (other / "scaffold.py").touch()
    with pytest.raises(TaskError, match="holds other files: take a new or empty folder"):
        freeze(other, {"seed": 1})
    assert [entry.name for entry in other.iterdir()] == ["scaffold.py"]


def test_there_has_to_be_a_change() -> None:
    """And the sham is neither of the two."""
    with pytest.raises(TaskError, match="no change to attribute"):
        arms(OLD, OLD)
    assert len({program.tree for program in arms(OLD, NEW).values()}) == 3
    with pytest.raises(ValueError, match="no rounds"):
        attributed(read_rounds(Path("nowhere")))
