"""The raw data: what is written is read again, and what would mislead is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evolve.bench.rows import COLUMNS, read, write
from evolve.errors import RunDamaged, RunNotFound, StorageError


def rows(policy: str | None = "greedy", seed: int = 0, **over: Any) -> pd.DataFrame:
    """A run of three rows, with columns of another content."""
    run = {
        "policy": policy,
        "task": "sine",
        "seed": seed,
        "searcher": "evolve 0",
        "model": "simulated",
        "direction": "maximize",
        "budget": 2,
        "outcome": "finished",
        "message": "",
        "calls": [0, 1, 2],
        "tokens": [0, 10, 30],
        "evaluations": [1, 1, 2],
        "cpu_seconds": [0.1, 0.2, 0.3],
        "seconds": [0.1, 0.2, 0.3],
        "score": [0.5, math.nan, 0.7],
        "best": [0.5, 0.5, 0.7],
    }
    return pd.DataFrame(run | over)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Files below a folder and files by name come together, with the types that were promised."""
    write(tmp_path / "a" / "one.parquet", rows())
    write(tmp_path / "b.parquet", rows(seed=1, budget=None, further=3))
    found = read([tmp_path / "a", tmp_path / "b.parquet"])
    assert {name: str(found[name].dtype) for name in COLUMNS} == COLUMNS
    assert found["seed"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["budget"].isna().sum() == 3
    assert found["further"].dropna().tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rows().drop(columns="best"), "lacks the columns best"),
        (rows().head(0), "holds no rows"),
        (rows(calls=["a", "b", "c"]), "of another type"),
        (rows(calls=[0, 2, 1]), "rule of calls, a total"),
        (rows(tokens=[-1, 2, 3]), "rule of tokens"),
        (rows(cpu_seconds=[0.0, math.nan, 1.0]), "rule of cpu_seconds"),
        (rows(best=[0.0, 1.0, math.inf]), "infinite"),
        (rows(direction="up"), "direction is maximize or minimize"),
        (rows(outcome="fine"), "outcome is failed or finished"),
        (rows(outcome=["finished", "failed", "failed"]), "more than one outcome"),
        (rows(policy=None), "policy is missing"),
    ],
)
def test_what_would_mislead_is_refused(wrong: pd.DataFrame, said: str, tmp_path: Path) -> None:
    """Neither written nor read; the message says which file and what is wrong with it."""
    with pytest.raises(RunDamaged, match=rf"run\.parquet.*{said}"):
        write(tmp_path / "run.parquet", wrong)
    assert list(tmp_path.iterdir()) == []
    wrong.to_parquet(tmp_path / "run.parquet")
    with pytest.raises(RunDamaged, match=rf"run\.parquet.*{said}"):
        read([tmp_path])


def test_a_run_counts_once(tmp_path: Path) -> None:
    """The same run in two files is said, with both names; the same file twice is one."""
    write(tmp_path / "one.parquet", rows())
    assert len(read([tmp_path, tmp_path / "one.parquet"])) == 3
    write(tmp_path / "two.parquet", rows())
    with pytest.raises(RunDamaged, match=r"greedy on sine with seed 0.*one\.parquet.*two\.parquet"):
        read([tmp_path])


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    """A folder without data, and a file that is no Parquet."""
    with pytest.raises(RunNotFound, match="no Parquet file"):
        read([tmp_path])
    (tmp_path / "x.parquet").write_text("hello")
    with pytest.raises(RunDamaged, match=r"x\.parquet"):
        read([tmp_path])


def test_half_a_file_is_never_there(tmp_path: Path) -> None:
    """A disk that refuses leaves no file behind."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        write(tmp_path / "taken" / "run.parquet", rows())
